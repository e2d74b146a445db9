/** What an experiment stands on: something that samples, something that judges, something that measures. Tests bring their own. */
import type { ModelCard } from "../backend/protocol.ts";
import type { SamplerEvent, SamplerOptions } from "../sampler/events.ts";
import type { Experiment, ExperimentModel } from "./read.ts";

/** A model that is loaded: what an experiment needs of `Remdm`. */
export interface LoadedModel {
  readonly model: ModelCard;
  readonly tokenizer: {
    encode(text: string): readonly number[];
    decode(tokens: ArrayLike<number>): string;
  };
  sample(options: SamplerOptions): AsyncIterable<SamplerEvent>;
  close(): Promise<void>;
}

export interface Features {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface Likelihood {
  readonly nats: number;
  readonly tokens: number;
}

export interface JudgeCallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface TextJudge {
  readonly name: string;
  likelihoods(texts: readonly string[], options?: JudgeCallOptions): Promise<readonly Likelihood[]>;
  features(texts: readonly string[], options?: JudgeCallOptions): Promise<Features>;
  mauve(
    p: Features,
    q: Features,
    options: {
      readonly seeds: readonly number[];
      readonly scale?: number;
    } & JudgeCallOptions,
  ): Promise<readonly number[]>;
}

export interface LoadedJudge extends TextJudge {
  close(): Promise<void>;
}

export interface Spread {
  readonly mean: number;
  readonly standardDeviation: number;
  readonly standardError: number;
}

/** What tables and charts read of an evaluation; results keep all that it says. */
export interface Evaluation {
  readonly samples: number;
  readonly entropy: Spread;
  readonly genPpl?: { readonly value: number; readonly standardError: number };
  readonly mauve?: { readonly mean: number; readonly standardDeviation: number };
  readonly distinct1: number;
  readonly distinct2: number;
  readonly repetition: number;
  readonly duplicates: number;
  readonly knownWords?: number;
  /** The same of the references, as far as it is known. */
  readonly references?: {
    readonly entropy?: Pick<Spread, "mean">;
    readonly genPpl?: { readonly value: number };
    readonly knownWords?: number;
  };
  readonly collapse: { readonly collapsed: boolean; readonly reasons: readonly string[] };
}

export interface EvaluationInput {
  readonly texts: readonly string[];
  readonly tokens?: readonly ArrayLike<number>[];
  readonly references?: readonly string[];
}

export interface EvaluationOptions {
  readonly judge?: TextJudge;
  readonly mauve?: { readonly seeds?: readonly number[]; readonly scale?: number } | false;
  readonly vocabulary?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

export interface Services {
  launch(
    model: ExperimentModel,
    experiment: Experiment,
    signal: AbortSignal | undefined,
  ): Promise<LoadedModel>;
  /** Asked only for experiments that have a judge. */
  judge(experiment: Experiment, signal: AbortSignal | undefined): Promise<LoadedJudge>;
  evaluate(input: EvaluationInput, options: EvaluationOptions): Promise<Evaluation>;
  /** Of the words that count as known. */
  vocabulary(texts: Iterable<string>): ReadonlySet<string>;
  /** Of this package. */
  readonly version: string;
}
