/**
 * Turns a row of raw logits into what the original's `forward` returns, in place and with its
 * rounding. Original: `_subs_parameterization`, `_d3pm_parameterization`, `_sedd_parameterization`,
 * `AR.forward`.
 */
import type { TokenId } from "../../denoiser.ts";
import type { Precision, Round } from "./precision.ts";

/** The original's substitute for log 0. */
const NEGATIVE_INFINITY = -1_000_000;
const AR_NEGATIVE_INFINITY = -1_000;

/**
 * Computes log p(x0 | xt) of a masked position, under SUBS or D3PM.
 * @param maskless whether the mask gets no probability.
 */
export function logProbabilities(
  row: Float32Array,
  maskId: TokenId,
  maskless: boolean,
  { round }: Precision,
): void {
  if (maskless) row[maskId] = round(row[maskId] + NEGATIVE_INFINITY);
  const normaliser = logSumExp(row, round);
  for (let v = 0; v < row.length; v++) row[v] = round(row[v] - normaliser);
}

/** Computes log p(next token). PyTorch's `log_softmax` subtracts the maximum first. */
export function nextLogProbabilities(
  row: Float32Array,
  maskId: TokenId,
  { round }: Precision,
): void {
  row[maskId] = AR_NEGATIVE_INFINITY;
  const max = maximum(row);
  const log = Math.log(sumOfExp(row, max, (x) => x));
  for (let v = 0; v < row.length; v++) row[v] = round(row[v] - max - log);
}

/**
 * Computes the log scores of a masked position under SEDD; the mask's own is 0.
 * @param sigma float32.
 */
export function logScores(
  row: Float32Array,
  maskId: TokenId,
  sigma: number,
  { round }: Precision,
): void {
  const expm1 =
    sigma < 0.5 ? Math.fround(Math.expm1(sigma)) : Math.fround(Math.fround(Math.exp(sigma)) - 1);
  const shift = round(Math.fround(Math.log(expm1)));
  const width = Math.fround(Math.log(row.length - 1));
  for (let v = 0; v < row.length; v++) row[v] = round(round(row[v] - shift) - width);
  row[maskId] = 0;
}

/**
 * Computes the log scores of a masked position from log p(x0 | xt), always in float32. Original:
 * `get_score`.
 */
export function logScoresOf(row: Float32Array, maskId: TokenId, sigma: number): void {
  const logK = -Math.fround(Math.log(Math.fround(Math.expm1(sigma))));
  for (let v = 0; v < row.length; v++) row[v] = Math.fround(row[v] + logK);
  row[maskId] = 0;
}

export function exponentiate(row: Float32Array, { round }: Precision): void {
  for (let v = 0; v < row.length; v++) row[v] = round(Math.exp(row[v]));
}

/** Returns the sum of all tokens' weights except the mask's. */
export function massOf(row: Float32Array, maskId: TokenId): number {
  let sum = 0;
  for (let v = 0; v < row.length; v++) if (v !== maskId) sum += row[v];
  return sum;
}

/**
 * Returns a token's log-probability among all tokens except the mask.
 * @param row [V] log-probabilities, the mask's among them.
 */
export function masklessLogProbability(row: Float32Array, token: TokenId, maskId: TokenId): number {
  let sum = 0;
  for (let v = 0; v < row.length; v++) if (v !== maskId) sum += Math.exp(row[v]);
  return Math.min(0, row[token] - Math.log(sum));
}

/** Returns the first of the largest. */
export function argmax(row: Float32Array | Float64Array): TokenId {
  let best = 0;
  for (let v = 1; v < row.length; v++) if (row[v] > row[best]) best = v;
  return best;
}

function logSumExp(row: Float32Array, round: Round): number {
  const max = maximum(row);
  return round(round(Math.log(round(sumOfExp(row, max, round)))) + max);
}

function sumOfExp(row: Float32Array, max: number, round: Round): number {
  let sum = 0;
  for (let v = 0; v < row.length; v++) sum += round(Math.exp(round(row[v] - max)));
  return sum;
}

function maximum(row: Float32Array): number {
  let max = -Infinity;
  for (let v = 0; v < row.length; v++) if (row[v] > max) max = row[v];
  return max;
}
