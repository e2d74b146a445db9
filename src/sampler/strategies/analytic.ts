/**
 * Tweedie tau-leaping (SEDD, Lou et al., 2024, section 4.2), reduced to what it says about one masked position: a
 * reveal has the weight S (e^d - 1) and staying masked e^d + (1 - e^d)(S + 1), where d = sigma(t) - sigma(s) and S is the
 * sum of the position's scores without the mask's own, which is 1. Original: `_analytic_update`.
 */
import { networkSigma } from "../schedule.ts";
import type { Transition } from "./posterior.ts";

/** u of a masked position in the step from t to s. A negative weight never wins the original's argmax. */
export function analyticReveal(scores: number, t: number, s: number): number {
  const growth = Math.expm1(networkSigma(t) - networkSigma(s));
  const reveal = scores * growth;
  const stay = Math.max(0, 1 + growth - growth * (scores + 1));
  return reveal / (reveal + stay);
}

/**
 * For an `mdlm` model S is known without the network, because its scores are x_theta / (e^sigma - 1) and x_theta sums to
 * one. Original: `get_score`, `subs`.
 */
export function analyticTransition(t: number, s: number): Transition {
  const scores = 1 / Math.expm1(networkSigma(t));
  return { reveal: analyticReveal(scores, t, s), remask: 0 };
}

/**
 * S of a `sedd` model's row. Original: `_sedd_parameterization`.
 * @param logMass log of the sum of exp(logit) over all columns but the mask's.
 */
export function scoreSum(logMass: number, t: number, vocabSize: number): number {
  return Math.exp(logMass - Math.log(Math.expm1(networkSigma(t))) - Math.log(vocabSize - 1));
}
