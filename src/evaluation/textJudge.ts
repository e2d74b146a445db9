/** What an evaluation asks of a language model that reads texts; how it answers is the judge's own affair. */
import type { Likelihood } from "../metrics/perplexity.ts";

export type { Likelihood };

/** [rows, width], one row a text, row-major. */
export interface Features {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface JudgeCallOptions {
  readonly signal?: AbortSignal;
  /** @param done of `total`: texts, or seeds. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface MauveOptions {
  /** Seeds of k-means, one score each. */
  readonly seeds: readonly number[];
  /** The scaling factor of the divergences. */
  readonly scale?: number;
}

export interface TextJudge {
  /** Which model judges, for the report. */
  readonly name: string;
  likelihoods(texts: readonly string[], options?: JudgeCallOptions): Promise<readonly Likelihood[]>;
  features(texts: readonly string[], options?: JudgeCallOptions): Promise<Features>;
  /**
   * @param p of the references.
   * @param q of the samples.
   * @returns one score in (0, 1] a seed.
   */
  mauve(
    p: Features,
    q: Features,
    options: MauveOptions & JudgeCallOptions,
  ): Promise<readonly number[]>;
}
