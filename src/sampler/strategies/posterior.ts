/**
 * The posterior of masked diffusion with remasking (ReMDM, section 3.1, equation for q_sigma(z_s |
 * z_t, x)) is reduced here to one position: the chance of a reveal and the chance of a remask. It
 * is written with the masked shares 1 - alpha, which stay exact where alpha is close to 1.
 */

import { RemdmError } from "../../foundation/errors.ts";
import type { Step, Transition } from "../definition.ts";

/** The share of masked positions at both ends of a step: 1 - alphaT and 1 - alphaS. */
export interface MaskedShares {
  /** In (0, 1]. */
  readonly atT: number;
  /** At most `atT`; below 0 where a window's extrapolated alphaS exceeds 1. */
  readonly atS: number;
}

/**
 * Returns u = (alphaS - (1 - sigma) alphaT) / (1 - alphaT), at most 1. The original's weight of
 * staying masked, 1 - u, goes below 0 in the last step of `forward-backward` and where a loop with
 * few steps jumps past its plateau; a negative weight never wins its argmax, so the reveal is
 * certain there and the clamp gives the same.
 */
export function revealChance({ atT, atS }: MaskedShares, sigma: number): number {
  return Math.min(1, (atT - atS + sigma * (1 - atT)) / atT);
}

/**
 * Returns min(1, (1 - alphaS) / alphaT), the largest sigma that leaves a posterior; 1 at alphaT =
 * 0.
 */
export function sigmaMax({ atT, atS }: MaskedShares): number {
  const alphaT = 1 - atT;
  return alphaT > 0 ? Math.min(1, atS / alphaT) : 1;
}

/**
 * Returns the chances of ReMDM's posterior with chance sigma of a remask (ReMDM, section 3.1): u =
 * (alphaS - (1 - sigma) alphaT) / (1 - alphaT), r = sigma.
 * @param sigma in [0, step.sigmaMax].
 * @throws RemdmError `strategy_invalid` for a sigma outside that range.
 */
export function posterior(step: Step, sigma: number): Transition {
  const { t, sigmaMax: max } = step;
  // A last bit above it is rounding.
  if (!(sigma >= 0 && sigma <= max * (1 + 1e-12))) {
    throw new RemdmError(`sigma is ${sigma} at t = ${t}, outside [0, sigmaMax] = [0, ${max}]`, {
      code: "strategy_invalid",
      remedy: "Cut it off: posterior(step, Math.min(sigma, step.sigmaMax)).",
    });
  }
  return chances(step, sigma);
}

/** Does the same for any sigma: the original goes where {@link posterior} has no posterior. */
export function chances({ t, s }: Step, sigma: number): Transition {
  return { reveal: revealChance({ atT: t, atS: s }, sigma), remask: sigma };
}
