/**
 * Tweedie tau-leaping (SEDD, Lou et al., 2024, section 4.2) is reduced here to one masked position:
 * a reveal has the weight S (e^d - 1) and staying masked e^d + (1 - e^d)(S + 1), where d = sigma(t)
 * - sigma(s) and S is the sum of the position's scores without the mask's own, which is 1.
 * Original: `_analytic_update`.
 */
import { defineStrategy, type Transition } from "../definition.ts";
import { networkSigma } from "../schedule.ts";

const SHARED = {
  kind: "analytic",
  source: "SEDD, section 4.2; original: predictor analytic",
  summary: "Tweedie tau-leaping on scores; its last step draws. What sedd models have",
  nucleus: false,
  windows: false,
  lastStep: "draw",
  parity: { scores: true },
} as const;

/** `analytic` for `mdlm` models: time alone says whether a position changes. */
export const analytic = defineStrategy({
  ...SHARED,
  models: ["mdlm"],
  transition: (_, { t, s }) => analyticTransition(t, s),
});

/**
 * `analytic` for `sedd` models: the sum of a row's scores says whether its position is revealed.
 */
export const analyticScores = defineStrategy({
  ...SHARED,
  models: ["sedd"],
  statistics: ["logMass"],
  select: (_, { t, s, vocabSize }, rows) => ({
    reveal: rows
      .filter(({ uniform, logMass }) => {
        return uniform < analyticReveal(scoreSum(logMass, t, vocabSize), t, s);
      })
      .map(({ position }) => position),
  }),
});

/**
 * Returns u of a masked position in the step from t to s. A negative weight never wins the
 * original's argmax.
 */
export function analyticReveal(scores: number, t: number, s: number): number {
  const growth = Math.expm1(networkSigma(t) - networkSigma(s));
  const reveal = scores * growth;
  const stay = Math.max(0, 1 + growth - growth * (scores + 1));
  return reveal / (reveal + stay);
}

/**
 * Returns the chances for an `mdlm` model. Its S is known without the network, because its scores
 * are x_theta / (e^sigma - 1) and x_theta sums to one. Original: `get_score`, `subs`.
 */
export function analyticTransition(t: number, s: number): Transition {
  const scores = 1 / Math.expm1(networkSigma(t));
  return { reveal: analyticReveal(scores, t, s), remask: 0 };
}

/**
 * Returns S of a `sedd` model's row. Original: `_sedd_parameterization`.
 * @param logMass log of the sum of exp(logit) over all columns except the mask's.
 */
export function scoreSum(logMass: number, t: number, vocabSize: number): number {
  return Math.exp(logMass - Math.log(Math.expm1(networkSigma(t))) - Math.log(vocabSize - 1));
}
