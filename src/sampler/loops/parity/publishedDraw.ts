/** Draws a token from a row as the published code of LLaDA, ReMDM-LLaDA and Dream does. */
import type { TokenId } from "../../denoiser.ts";
import type { Draw } from "../../draw/rowAddress.ts";
import { drawWeighted } from "./draw.ts";
import { argmax } from "./parameterization.ts";
import type { PublishedOrder } from "./publishedRule.ts";

/** A token that a mask may become. */
export interface Candidate {
  readonly token: TokenId;
  /** What ranks its position; 0 in the order `random`, which ranks by noise. */
  readonly confidence: number;
  /** [V] the logits that it was drawn from. */
  readonly row: Float32Array;
}

export interface PublishedDraw {
  readonly order: PublishedOrder;
  readonly temperature: number;
  /** Of Dream; undefined: all columns. */
  readonly topK: number | undefined;
  /** Of LLaDA: tokens without whose columns confidences are computed; theirs is 0. */
  readonly dropped: readonly TokenId[];
}

/** Dream: added to a probability before its logarithm. */
const DREAM_SMALLEST = 1e-10;

/**
 * Draws a token; the mask is one like any other.
 * @param row [V] logits.
 * @param uniforms [V] in [0, 1), where something is drawn.
 */
export function drawCandidate(
  row: Float32Array,
  uniforms: Float64Array,
  { order, temperature, topK, dropped }: PublishedDraw,
): Candidate {
  switch (order) {
    case "remdm": {
      const p = softmax(row);
      const token = drawWeighted(p, uniforms);
      return { token, confidence: p[token], row };
    }
    case "random":
      return { token: gumbelMax(row, temperature, uniforms), confidence: 0, row };
    case "low_confidence": {
      const token = gumbelMax(row, temperature, uniforms);
      const kept = row.slice();
      for (const id of dropped) kept[id] = -Infinity;
      return { token, confidence: Math.fround(softmax(kept)[token]), row };
    }
    default: {
      const p = softmax(topK === undefined ? row : cut(row, topK)).map(Math.fround);
      const token = argmax(p);
      return { token, confidence: dreamsConfidence(p, token, order), row };
    }
  }
}

/** Tells of a candidate that is revealed; its temperature is 1 in ReMDM-LLaDA, 0 in Dream. */
export function drawOf({ token, row }: Candidate, temperature: number, maskId: TokenId): Draw {
  const probability = temperature === 0 ? 1 : softmax(row, temperature)[token];
  const maskless = row.slice();
  maskless[maskId] = -Infinity;
  return { token, probability, logProbability: Math.log(softmax(maskless)[token]) };
}

/** LLaDA, `add_gumbel_noise`: the argmax of `exp(logit) / (-log u)^T` in float64. */
function gumbelMax(row: Float32Array, temperature: number, uniforms: Float64Array): TokenId {
  if (temperature === 0) return argmax(row);
  const scores = new Float64Array(row.length);
  for (let v = 0; v < row.length; v++) {
    scores[v] = Math.exp(row[v]) / (-Math.log(uniforms[v])) ** temperature;
  }
  return argmax(scores);
}

function dreamsConfidence(p: Float64Array, token: TokenId, order: PublishedOrder): number {
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

/** @param temperature above 0. */
function softmax(row: Float32Array, temperature = 1): Float64Array {
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
