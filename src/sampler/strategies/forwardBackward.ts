/**
 * The forward-backward corrector (Campbell et al., 2022) does a denoising step and then a noising
 * one, in one draw. Original: `sampler: forward-backward`.
 */
import { defineStrategy } from "../definition.ts";
import { alphas, remasking } from "../loops/parity/weights.ts";
import { chances } from "./posterior.ts";

export const forwardBackward = defineStrategy({
  kind: "forward-backward",
  source: "Campbell et al., 2022; original: sampler forward-backward",
  summary: "sigma = (alphaS - alphaT) / alphaT: a denoising step, then a noising one",
  /** sigma is 1 at alphaT = 0, and above sigmaMax in the last steps. */
  transition: (_, step) => {
    const { t, s } = step;
    return chances(step, t < 1 ? Math.min(1, (t - s) / (1 - t)) : 1);
  },
  parity: {
    weights: (_, time, dtype) => {
      const { alphaT, alphaS } = alphas(time);
      const sigma = alphaT > 0 ? (alphaS - alphaT) / alphaT : 1;
      return remasking(sigma, alphaT, alphaS, dtype);
    },
  },
});
