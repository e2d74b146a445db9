/**
 * ReMDM-rescale (ReMDM, section 4.1) has sigma = eta * sigmaMax. Original: `sampler:
 * remdm-rescale`.
 */
import { defineStrategy } from "../definition.ts";
import { alphas, remasking } from "../loops/parity/weights.ts";
import { chances } from "./posterior.ts";

export const remdmRescale = defineStrategy({
  kind: "remdm-rescale",
  source: "ReMDM, section 4.1; original: sampler remdm-rescale",
  summary: "sigma = eta * sigmaMax",
  options: {
    eta: {
      type: "number",
      default: 0.015,
      range: "[0, 1]",
      help: "share of the largest allowed chance of a remask",
    },
  },
  transition: ({ eta }, step) => chances(step, eta * step.sigmaMax),
  parity: {
    weights: ({ eta }, time, dtype) => {
      const { alphaT, alphaS, sigmaMax } = alphas(time);
      return remasking(eta * sigmaMax, alphaT, alphaS, dtype);
    },
  },
});
