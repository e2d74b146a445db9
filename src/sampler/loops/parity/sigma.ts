/** Computes the network's noise level in float32. Original: `LogLinearNoise.total_noise`. */

import { SIGMA_EPSILON } from "../../schedule.ts";

/** float32, because it multiplies a float32 tensor. */
const SLOPE = Math.fround(-(1 - SIGMA_EPSILON));

/** Returns sigma(t) = -log1p(-(1 - 1e-3) t), t and result float32. */
export function networkSigma32(t: number): number {
  return -Math.fround(Math.log1p(Math.fround(SLOPE * t)));
}
