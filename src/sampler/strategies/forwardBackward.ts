/**
 * The forward-backward corrector (Campbell et al., 2022): a denoising step
 * and then a noising one, in one draw. Original: `sampler: forward-backward`.
 */
import { revealChance, type Transition } from "./posterior.ts";

/** sigma = (alphaS - alphaT) / alphaT, or 1 at alphaT = 0; alpha = 1 - t. */
export function forwardBackwardTransition(t: number, s: number): Transition {
  const sigma = t < 1 ? Math.min(1, (t - s) / (1 - t)) : 1;
  return { reveal: revealChance({ atT: t, atS: s }, sigma), remask: sigma };
}
