/**
 * The interface of a judge, a language model that judges texts, and the checks of what it is asked.
 * {@link Judge} implements it with a real network.
 */
import { checkFunction, checkOptions, checkSignal } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";

/** How likely a judge finds one text. */
export interface Likelihood {
  /** Sum of -log p over the tokens that count, in nats. */
  readonly nats: number;
  /** How many tokens count: 0 for a text of fewer than two. */
  readonly tokens: number;
  /** Pieces of the text that the judge has no token for. Default 0. */
  readonly unknownPieces?: number;
}

/** One vector for each text, `[rows, width]`, row-major. */
export interface Features {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

export interface JudgeCallOptions {
  /**
   * Gives up at once. The judge still finishes the portion of texts, or the score, that it is
   * computing.
   */
  readonly signal?: AbortSignal;
  /** Receives how many texts, or scores, are done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Settings of MAUVE. The defaults are the ones of `compute_mauve` in mauve-text. */
export interface MauveOptions {
  /** Seeds of k-means, each of which gives a score. Different integers in [0, 2^31 - 3]. */
  readonly seeds: readonly number[];
  /** c in exp(-c KL), in (0, 1000]. Default 5. */
  readonly scale?: number;
  /**
   * Clusters of k-means, an integer of at least 2. Default: a tenth of the references or samples,
   * whichever are fewer.
   */
  readonly buckets?: number;
  /** Share of the variance that is kept before k-means, in (0, 0.999]. Default 0.9. */
  readonly explainedVariance?: number;
  /** Starts of k-means, of which the best counts. Default 5. */
  readonly redo?: number;
  /** Iterations of k-means. Default 500. */
  readonly maxIterations?: number;
  /**
   * Receives each seed whose k-means gives samples and references equal histograms. mauve-text
   * 0.4.0 then scores 1 or 0.75, depending on how numpy's `argsort` orders equal numbers on this
   * CPU; the score that is returned is the package's own.
   */
  readonly onTie?: (seed: number) => void;
}

export interface TextJudge {
  /** Names the model in reports. */
  readonly name: string;
  /** How many samples, and how many references, `mauve` needs at least. Default 1. */
  readonly mauveLeastTexts?: number;
  /** Returns one likelihood for each text. */
  likelihoods(texts: readonly string[], options?: JudgeCallOptions): Promise<readonly Likelihood[]>;
  /** Returns one vector for each text, as {@link mauve} takes them. */
  features(texts: readonly string[], options?: JudgeCallOptions): Promise<Features>;
  /**
   * Returns a score in [0, 1] for each seed.
   * @param p features of the references.
   * @param q features of the samples.
   */
  mauve(
    p: Features,
    q: Features,
    options: MauveOptions & JudgeCallOptions,
  ): Promise<readonly number[]>;
}

const CALL_KEYS: Readonly<Record<keyof JudgeCallOptions, true>> = {
  signal: true,
  onProgress: true,
};

/** Checks the options of a call, also against untyped callers. @throws OptionError. */
export function checkCallOptions(options: unknown): void {
  checkCallbacks(checkOptions("a judge's call", options, CALL_KEYS));
}

/** Checks the options that all calls have. @throws OptionError. */
export function checkCallbacks(options: object): void {
  const { signal, onProgress }: { readonly signal?: unknown; readonly onProgress?: unknown } =
    options;
  checkSignal(signal);
  checkFunction("onProgress", onProgress);
}

/** Checks the texts of a call: an array of at least one string. @throws OptionError. */
export function checkTexts(texts: unknown): void {
  if (!Array.isArray(texts) || texts.length === 0) {
    throw new OptionError("texts", texts, "a list of at least one text");
  }
  const wrong = texts.findIndex((text) => typeof text !== "string");
  if (wrong >= 0) throw new OptionError(`texts[${wrong}]`, texts[wrong], "a text");
}
