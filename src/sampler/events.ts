/** What a run says of itself while it goes on, and what it gives in the end: plain records, as they are in JSON. */
import type { TokenId } from "./denoiser.ts";
import type { Quirks } from "./quirks.ts";
import type { AnyStrategy } from "./strategy.ts";

/** Why a text ends: its end-of-text token was there, or the length was reached. */
export type FinishReason = "end" | "length";

export interface SamplerOptions {
  /**
   * A built-in strategy by its name or with its options (`"remdm-cap+loop"`, `{ kind: "remdm-loop", eta: 0.04 }`), or
   * one of your own: what `defineStrategy` returned. Default: `remdm-loop`; for models of kind `sedd` (`analytic`),
   * `d3pm` (`ddpm`) and `ar` the only one that they have.
   */
  readonly strategy?: AnyStrategy;
  /**
   * Number of denoising steps T, an integer >= 1, or the times themselves: [T + 1] numbers that fall from 1 to 0 or
   * above. Default: one step for each token. `ar` takes none: it has one a token. `dense` takes a number only.
   */
  readonly steps?: number | readonly number[] | Float64Array;
  /** Nucleus mass p in (0, 1]; 1 keeps every token. Default 0.9, or 1 where the strategy has no nucleus. */
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
  /**
   * `events` asks the network about what changes only; `dense` goes through every position as the original does, with
   * its rounding, and gives the original's tokens for the original's seed. Default `events`, for `d3pm` models `dense`.
   */
  readonly executor?: "events" | "dense";
  /**
   * `torch` is the stream of PyTorch's CPU generator, seeded as by `torch.manual_seed`, `philox` a number for each
   * address. Default: `philox` for events, the only one there; `torch` for dense.
   */
  readonly noise?: "philox" | "torch";
  /**
   * Where the original's code and the literature differ, do as the code does (`original`, the default), or as the papers
   * say (`paper`): docs/fidelity.md has the list. `dense` is always as the code.
   */
  readonly quirks?: Quirks;
  /**
   * Semi-autoregressive generation: when a window of `length` tokens is done it moves on by `stride` tokens, `strides`
   * times, and what it keeps is pinned. Both or neither; integers in [1, length) and >= 1. Original: `sample_subs_guidance`.
   */
  readonly stride?: number;
  readonly strides?: number;
  /**
   * `length` gives every token that there is room for. `end` cuts a text before its first end-of-text token, one that was
   * given at the beginning excepted: `ar` then stops drawing there, and the others draw the same tokens as ever.
   * Default, as the original has it: `length`; with `stride` `end`, where the model has an end-of-text token.
   */
  readonly until?: FinishReason;
  readonly signal?: AbortSignal;
}

/** Masks that became tokens. */
export interface RevealedEvent {
  readonly type: "revealed";
  /** Which one, from `firstSample` on. */
  readonly sample: number;
  /** Step that did it, in [0, steps); `steps` itself is the final noise removal. */
  readonly step: number;
  /** Time t at the start of that step, in [0, 1]. */
  readonly time: number;
  /** Where: in [0, L), ascending; with `stride` in the whole text. */
  readonly positions: readonly number[];
  /** What came there, one token for each of `positions`. */
  readonly tokens: readonly TokenId[];
  /**
   * Its probability, in (0, 1], one for each of `positions`: in the distribution of what a mask becomes if it is revealed, as
   * it was drawn from, so after the nucleus. 1 where nothing was drawn: the final noise removal takes the likeliest token.
   */
  readonly probabilities: readonly number[];
}

/** Tokens that became masks again. */
export interface RemaskedEvent {
  readonly type: "remasked";
  readonly sample: number;
  /** As of {@link RevealedEvent}, in [0, steps). */
  readonly step: number;
  readonly time: number;
  /** As there. */
  readonly positions: readonly number[];
  /** What stood there before, one token for each of `positions`. */
  readonly tokens: readonly TokenId[];
}

/** One sequence is done. */
export interface FinishedEvent {
  readonly type: "finished";
  readonly sample: number;
  /** [L] final token ids, no masks; fewer where `until` cut the text. */
  readonly tokens: readonly TokenId[];
  readonly finishReason: FinishReason;
  /** The number of calls of the network that this sample took part in. */
  readonly forwardCalls: number;
}

/** Sent after each forward call and at the end. */
export interface ProgressEvent {
  readonly type: "progress";
  /** Steps done over all samples, and how many there are: samples * steps, times the windows. The final noise removal is no step. */
  readonly done: number;
  readonly total: number;
  /**
   * Where the first of the samples under way stands: the step that it is to take next, numbered as in {@link RevealedEvent}, and
   * the time t at its start, falling from 1. Where no sample is under way: the last step, and 0.
   */
  readonly step: number;
  readonly time: number;
  readonly finishedSamples: number;
  readonly samples: number;
  /** As of {@link SamplerStats}, so far. */
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
  /** [L] token ids of each sample, in order; fewer where `until` cut the text. */
  readonly tokens: readonly (readonly TokenId[])[];
  /** Of each sample. */
  readonly finishReasons: readonly FinishReason[];
  readonly stats: SamplerStats;
}
