/**
 * A `ParityForm` is a strategy for the parity loop: one step in the original's arithmetic, rounding
 * included.
 */
import type { AnyOptions } from "../../optionTable.ts";
import type { ParityConfidence } from "./confidence.ts";
import type { ParityGrid, ParityTime } from "./grid.ts";
import type { PublishedOrder } from "./publishedRule.ts";
import type { Precision, Round } from "./precision.ts";

/** The two weights of a revealed position: of its token, and of the mask. */
export interface KeepOrMask {
  readonly keep: number;
  readonly mask: number;
}

/** Unnormalised weights of the tokens that a position may hold next. */
export interface StepWeights {
  /** Masked position: token v has `round(p(v) * reveal)`, the mask `stay`. */
  readonly reveal: number;
  readonly stay: number;
  readonly round: Round;
  /** The weights of a revealed position; absent: it is copied, whatever was drawn. */
  readonly revealed?: (position: number) => KeepOrMask;
}

export interface WeightsForm<Options> {
  /**
   * Returns the weights of a step.
   * @param time of the original's grid, in float32.
   * @param dtype of the network's rows.
   * @param confidence of the sequence's positions.
   */
  weights(
    options: Options,
    time: ParityTime,
    dtype: Precision,
    confidence: ParityConfidence,
  ): StepWeights;
  /** The strategy's time grid. Default: the even one. */
  readonly grid?: (steps: number) => ParityGrid;
  /** Whether a step that changed nothing lets the next one use its rows again. Default true. */
  readonly caches?: boolean;
}

/**
 * Stands for the predictor `analytic`, which works on scores and draws in its last step; the parity
 * loop has its arithmetic.
 */
export interface ScoresForm {
  readonly scores: true;
}

/** Stands for published loops of LLaDA and Dream (`published.ts`), by the options that they are. */
export interface PublishedForm {
  readonly published: readonly PublishedSetting[];
}

/** Options that are a published loop. */
export interface PublishedSetting {
  readonly order: PublishedOrder;
  /** What options must be; those that are not named must have their defaults. */
  readonly options: AnyOptions;
  /** Options that may have any value. */
  readonly free?: readonly string[];
}

/** A form of the original repository's loop. */
type OriginalForm<Options> = WeightsForm<Options> | ScoresForm;

export type ParityForm<Options> = OriginalForm<Options> | PublishedForm;

/** Tells whether a form stands for published loops. */
export function isPublished<Options>(form: ParityForm<Options>): form is PublishedForm {
  return "published" in form;
}

/** A parity form with its options filled in. */
export type BoundForm =
  | {
      readonly kind: "weights";
      readonly weights: (
        time: ParityTime,
        dtype: Precision,
        confidence: ParityConfidence,
      ) => StepWeights;
      readonly caches: boolean;
    }
  | { readonly kind: "scores" };

export function bindForm<Options>(form: OriginalForm<Options>, options: Options): BoundForm {
  if ("scores" in form) return { kind: "scores" };
  return {
    kind: "weights",
    weights: (time, dtype, confidence) => form.weights(options, time, dtype, confidence),
    caches: form.caches ?? true,
  };
}
