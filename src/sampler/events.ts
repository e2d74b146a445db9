/** What a run says of itself while it goes on, and what it gives in the end. */
import type { TokenId } from "./denoiser.ts";
import type { Strategy } from "./strategy.ts";

export interface SamplerOptions {
  readonly strategy: Strategy;
  /** Number of denoising steps T, an integer >= 1. */
  readonly steps: number;
  /** Nucleus mass p in (0, 1]; 1 keeps every token. Default 1. */
  readonly topP?: number;
  /** How many sequences to draw, an integer >= 1. Default 1. */
  readonly samples?: number;
  /** Index of the first one: samples 8..15 of a seed can be drawn alone. Default 0. */
  readonly firstSample?: number;
  /** Largest number of sequences in one forward call, an integer >= 1. Default min(samples, 16). */
  readonly batchSize?: number;
  /** Tokens of a sequence, in [1, model.length]. Default model.length. */
  readonly length?: number;
  /** An integer in [0, 2^64). Default 1. */
  readonly seed?: number | bigint;
  /** Positions that hold a given token and are never revealed nor remasked (a prompt, infilling). */
  readonly pinned?: ReadonlyMap<number, TokenId>;
  readonly signal?: AbortSignal;
}

/** Masks that became tokens. */
export interface RevealedEvent {
  readonly type: "revealed";
  readonly sample: number;
  /** Step that did it, in [0, steps); `steps` itself is the final noise removal. */
  readonly step: number;
  /** Time t at the start of that step, in [0, 1]. */
  readonly time: number;
  readonly positions: Int32Array;
  readonly tokens: Int32Array;
}

/** Tokens that became masks again. */
export interface RemaskedEvent {
  readonly type: "remasked";
  readonly sample: number;
  readonly step: number;
  readonly time: number;
  readonly positions: Int32Array;
}

/** One sequence is done. */
export interface FinishedEvent {
  readonly type: "finished";
  readonly sample: number;
  /** [L] final token ids, no masks. */
  readonly tokens: Int32Array;
}

/** Sent after each forward call and at the end. */
export interface ProgressEvent {
  readonly type: "progress";
  /** Steps done over all samples, and how many there are: samples * (steps + 1), the final noise removal included. */
  readonly done: number;
  readonly total: number;
  readonly finishedSamples: number;
  readonly samples: number;
  readonly forwardCalls: number;
  readonly forwardRows: number;
}

export type SamplerEvent = RevealedEvent | RemaskedEvent | FinishedEvent | ProgressEvent;

export interface SamplerStats {
  /** Calls of the network. */
  readonly forwardCalls: number;
  /** Rows of logits asked for, over all calls. */
  readonly forwardRows: number;
  /** Steps of the time grid (for dfm: of its own grid). */
  readonly steps: number;
}

export interface SamplerOutcome {
  /** One [L] array a sample, in order. */
  readonly tokens: readonly Int32Array[];
  readonly stats: SamplerStats;
}
