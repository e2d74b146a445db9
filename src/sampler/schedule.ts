/**
 * Time and noise follow the log-linear schedule of MDLM, alpha(t) = 1 - t, on an even grid from t =
 * 1 down to {@link T_MIN}. Original: `_sample` (the grid) and `noise_schedule.LogLinearNoise` (the
 * network's sigma).
 */

/** The last time of a run; the final noise removal fills in what is still masked there. */
export const T_MIN = 1e-5;

/** The schedule given to the network stays this far from infinite noise at t = 1. */
export const SIGMA_EPSILON = 1e-3;

/**
 * Returns an even time grid.
 * @param steps number of denoising steps T, an integer >= 1.
 * @param end the last time, in [0, begin).
 * @param begin the first time, in (0, 1].
 * @returns [T + 1] times, linspace(begin, end, T + 1) in doubles (the original rounds them to
 *   float32).
 */
export function linearTimes(steps: number, end = T_MIN, begin = 1): Float64Array {
  const times = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) times[i] = begin - (i * (begin - end)) / steps;
  times[steps] = end;
  return times;
}

/**
 * Returns the total noise sigma(t) = -log(1 - (1 - 1e-3) t) that a time-conditioned network is
 * given; t in [0, 1].
 */
export function networkSigma(t: number): number {
  return -Math.log1p(-(1 - SIGMA_EPSILON) * t);
}

/** The steps of a grid with a plateau: integers >= 0, one step at least. */
export interface PlateauSteps {
  /** Steps from 1 down to the plateau. */
  readonly before: number;
  /** Steps that stay on the plateau, where a strategy that remasks corrects what it drew. */
  readonly during: number;
  /** Steps from the plateau down to the end; with 0 the final noise removal comes there. */
  readonly after: number;
}

/**
 * Returns a time grid that falls evenly from 1, stands still at t, and falls evenly again.
 * Published code: duo, `linear-constant-linear`.
 * @param t time of the plateau, in (0, 1).
 * @param end the last time, in [0, t).
 * @returns [before + during + after + 1] times.
 */
export function plateauTimes(
  t: number,
  { before, during, after }: PlateauSteps,
  end = T_MIN,
): Float64Array {
  const times = new Float64Array(before + during + after + 1).fill(t);
  for (let i = 0; i < before; i++) times[i] = 1 - (i * (1 - t)) / before;
  for (let i = 1; i < after; i++) times[before + during + i] = t - (i * (t - end)) / after;
  if (after > 0) times[before + during + after] = end;
  return times;
}

/**
 * Counts the positions that a share of them is, rounded down. The product is rounded to float32
 * first, as published code has it, so that 12 * (1 - 1 / 12) is 11.
 */
export function wholeShare(positions: number, share: number): number {
  return Math.floor(Math.fround(positions * share));
}
