/** Lists the numbers of a row that an ask-first strategy may read. */
import type { StatisticName } from "./denoiser.ts";

/**
 * - `drawn`: id of the token that the position becomes if it is revealed or redrawn in this step.
 * - `drawnLogProbability`: natural log of its probability, as `max` is that of the likeliest token.
 *
 * The sampler knows them: they need the row itself, or the top of it, where a statistic takes four
 * bytes.
 */
export type DrawnField = "drawn" | "drawnLogProbability";

/** A number of a row: a statistic, which the backend computes, or one that the sampler knows. */
export type RowField = StatisticName | DrawnField;

/** The names of all statistics. */
export const STATISTICS = Object.keys({
  logMass: true,
  maskLogit: true,
  max: true,
  argmax: true,
  second: true,
  entropy: true,
  given: true,
} satisfies Record<StatisticName, true>) as readonly StatisticName[];

export const DRAWN_FIELDS: readonly DrawnField[] = ["drawn", "drawnLogProbability"];
