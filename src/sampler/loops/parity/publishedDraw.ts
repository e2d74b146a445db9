/** Draws a token from a row as the published code of LLaDA, ReMDM-LLaDA and Dream does. */
import type { TokenId } from "../../denoiser.ts";
import type { Draw } from "../../draw/rowAddress.ts";
import type { PublishedOrder } from "./publishedRule.ts";
import type { TorchGenerator } from "./torchGenerator.ts";

/** A token, and the probability that ranks its position. */
export interface RowDraw {
  readonly draw: Draw;
  readonly confidence: number;
}

/** ReMDM-LLaDA, `_sample_categorical`: added to the uniform number and to its logarithm. */
const SMALLEST = 1e-10;

/**
 * Draws as `add_gumbel_noise` and `argmax` do: `exp(logit) / (-log u)^T` in float64, the mask's
 * column included; at temperature 0 nothing is drawn.
 * @param row [V] logits.
 */
export function gumbelMax(row: Float32Array, temperature: number, noise: TorchGenerator): TokenId {
  if (temperature === 0) return argmaxOf(row);
  const scores = new Float64Array(row.length);
  for (let v = 0; v < row.length; v++) {
    scores[v] = Math.exp(row[v]) / (-Math.log(noise.float64())) ** temperature;
  }
  return argmaxOf(scores);
}

/**
 * Tells of a token that was drawn from a row; its confidence is its softmax in float32.
 * @param dropped tokens without whose columns the confidence is computed; theirs is 0.
 */
export function softmaxOf(
  row: Float32Array,
  token: TokenId,
  {
    maskId,
    temperature,
    dropped,
  }: {
    readonly maskId: TokenId;
    readonly temperature: number;
    readonly dropped: readonly TokenId[];
  },
): RowDraw {
  const kept = row.slice();
  for (const id of dropped) kept[id] = -Infinity;
  const probability = temperature === 0 ? 1 : softmax(row, temperature)[token];
  const draw = { token, probability, logProbability: logOf(row, token, maskId) };
  return { draw, confidence: Math.fround(softmax(kept)[token]) };
}

/** Draws as ReMDM-LLaDA does: the argmax of p over minus the log of a uniform number. */
export function categorical(row: Float32Array, maskId: TokenId, noise: TorchGenerator): RowDraw {
  const p = softmax(row);
  const token = argmaxOf(p.map((one) => one / (SMALLEST - Math.log(noise.float64() + SMALLEST))));
  const draw = { token, probability: p[token], logProbability: logOf(row, token, maskId) };
  return { draw, confidence: p[token] };
}

/** Dream: added to a probability before its logarithm. */
const DREAM_SMALLEST = 1e-10;

/**
 * Takes the likeliest token and ranks it by the row that top-k leaves, as Dream does at temperature
 * 0. @param topK undefined: all columns.
 */
export function dreams(
  row: Float32Array,
  maskId: TokenId,
  { order, topK }: { readonly order: PublishedOrder; readonly topK: number | undefined },
): RowDraw {
  const p = softmax(topK === undefined ? row : cut(row, topK)).map(Math.fround);
  const token = argmaxOf(p);
  const draw = { token, probability: 1, logProbability: logOf(row, token, maskId) };
  return { draw, confidence: confidenceOf(p, token, order) };
}

function confidenceOf(p: Float64Array, token: TokenId, order: PublishedOrder): number {
  switch (order) {
    case "topk_margin": {
      const second = p.reduce((most, one, v) => (v === token ? most : Math.max(most, one)), 0);
      return Math.fround(p[token] - second);
    }
    case "entropy":
      return p.reduce((sum, one) => sum + one * Math.log(one + DREAM_SMALLEST), 0);
    default:
      return p[token];
  }
}

/** Leaves the logits that are not below the k-th largest. */
function cut(row: Float32Array, k: number): Float32Array {
  const least = row.slice().sort().at(-Math.min(k, row.length)) ?? -Infinity;
  return row.map((logit) => (logit < least ? -Infinity : logit));
}

/** Returns the log of a token's probability in a row without the mask's column. */
function logOf(row: Float32Array, token: TokenId, maskId: TokenId): number {
  if (token === maskId) return -Infinity;
  const others = Float64Array.from(row);
  others[maskId] = -Infinity;
  return Math.log(softmax(others)[token]);
}

/** @param temperature above 0. */
function softmax(row: ArrayLike<number>, temperature = 1): Float64Array {
  let peak = -Infinity;
  for (let v = 0; v < row.length; v++) peak = Math.max(peak, row[v]);
  const p = new Float64Array(row.length);
  let total = 0;
  for (let v = 0; v < row.length; v++) {
    p[v] = Math.exp((row[v] - peak) / temperature);
    total += p[v];
  }
  for (let v = 0; v < row.length; v++) p[v] /= total;
  return p;
}

/** Returns the index of the largest number, of equals the first. */
function argmaxOf(row: ArrayLike<number>): number {
  let best = 0;
  for (let v = 1; v < row.length; v++) if (row[v] > row[best]) best = v;
  return best;
}
