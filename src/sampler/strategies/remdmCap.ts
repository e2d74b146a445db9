/**
 * ReMDM-cap (ReMDM, section 4.1) has sigma = min(eta, sigmaMax). Original: `sampler: remdm-cap`.
 */
import { defineStrategy } from "../definition.ts";
import { alphas, remasking } from "../loops/parity/weights.ts";
import { chances } from "./posterior.ts";

export const remdmCap = defineStrategy({
  kind: "remdm-cap",
  source: "ReMDM, section 4.1; original: sampler remdm-cap",
  summary: "sigma = min(eta, sigmaMax)",
  options: {
    eta: {
      type: "number",
      default: 0.008,
      range: "[0, 1]",
      help: "largest chance of a remask in one step",
    },
  },
  transition: ({ eta }, step) => chances(step, Math.min(eta, step.sigmaMax)),
  parity: {
    weights: ({ eta }, time, dtype) => {
      const { alphaT, alphaS } = alphas(time);
      const sigma = alphaT > 0 ? Math.min(eta, (1 - alphaS) / alphaT) : eta;
      return remasking(sigma, alphaT, alphaS, dtype);
    },
  },
});
