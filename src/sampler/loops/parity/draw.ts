/**
 * Draws from a row of unnormalised weights as the original does. Original: `_sample_categorical`.
 */
import type { TokenId } from "../../denoiser.ts";
import type { KeepOrMask } from "./form.ts";

/** Keeps the logarithm finite at u = 0, and so cuts the noise off at both ends. */
const EPSILON = 1e-10;

function exponential(u: number): number {
  return EPSILON - Math.log(u + EPSILON);
}

/**
 * Draws `argmax(q / (1e-10 - log(u + 1e-10)))`, of equals the first.
 * @param q [V] weights; a weight of 0 or below is never drawn beside a positive one.
 * @param uniforms [V] in [0, 1).
 */
export function drawWeighted(q: Float64Array, uniforms: Float64Array): TokenId {
  let best = -Infinity;
  let token = 0;
  for (let v = 0; v < q.length; v++) {
    const weight = q[v];
    const race = weight === 0 ? 0 : weight / exponential(uniforms[v]);
    if (race > best) {
      best = race;
      token = v;
    }
  }
  return token;
}

/**
 * Returns the probability of a token in the distribution that {@link drawWeighted} drew it from,
 * given that it is not the mask.
 * @param q [V] as in {@link drawWeighted}.
 */
export function chanceOf(token: TokenId, q: Float64Array, maskId: TokenId): number {
  let total = 0;
  for (let v = 0; v < q.length; v++) if (v !== maskId && q[v] > 0) total += q[v];
  return q[token] / total;
}

/** Draws in the same way where only a position's own token and the mask have weights. */
export function drawKept(
  token: TokenId,
  maskId: TokenId,
  { keep, mask }: KeepOrMask,
  uniforms: Float64Array,
): TokenId {
  const stays = keep / exponential(uniforms[token]);
  const leaves = mask / exponential(uniforms[maskId]);
  if (stays === leaves) return Math.min(token, maskId);
  return stays > leaves ? token : maskId;
}
