/** What an evaluation asks of a language model that judges texts; {@link Judge} is the one that is a real network. */

import type { Likelihood } from "../measures/perplexity.ts";

export type { Likelihood };

/** A vector of each text, `[rows, width]`, row-major. */
export interface Features {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface JudgeCallOptions {
  /** Gives up: what the judge is just computing, a portion of the texts or a score, it finishes, and nobody waits for it. */
  readonly signal?: AbortSignal;
  /** Texts, or scores, that are done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The defaults are those of `mauve-text`'s `compute_mauve`. */
export interface MauveOptions {
  /** Of k-means; one score each. Different integers in [0, 2^31 - 3]. */
  readonly seeds: readonly number[];
  /** c in exp(-c KL), in (0, 1000]. Default 5. */
  readonly scale?: number;
  /** Clusters of k-means, an integer of at least 2. Default: a tenth of the references or samples, whichever are fewer. */
  readonly buckets?: number;
  /** Share of the variance that is kept before k-means, in (0, 0.999]. Default 0.9. */
  readonly explainedVariance?: number;
  /** Starts of k-means, of which the best counts. Default 5. */
  readonly redo?: number;
  /** Of k-means. Default 500. */
  readonly maxIterations?: number;
  /**
   * Told of each seed whose k-means gives samples and references equal histograms. mauve-text 0.4.0 then scores 1 or 0.75, depending on how
   * numpy's `argsort` orders equal numbers on this CPU; the score that is returned is the package's own.
   */
  readonly onTie?: (seed: number) => void;
}

export interface TextJudge {
  /** Which model judges, for a report. */
  readonly name: string;
  /** Samples, and references, that `mauve` needs. Default 1. */
  readonly mauveLeastTexts?: number;
  /** One for each text. */
  likelihoods(texts: readonly string[], options?: JudgeCallOptions): Promise<readonly Likelihood[]>;
  /** For {@link mauve}. */
  features(texts: readonly string[], options?: JudgeCallOptions): Promise<Features>;
  /**
   * @param p of the references. @param q of the samples.
   * @returns a score in [0, 1] for each seed.
   */
  mauve(
    p: Features,
    q: Features,
    options: MauveOptions & JudgeCallOptions,
  ): Promise<readonly number[]>;
}
