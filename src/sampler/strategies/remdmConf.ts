/**
 * ReMDM-conf (ReMDM, section 4.1) has sigma_i = softmax(-psi)_i * sigmaMax, so tokens that were
 * unlikely when they were revealed are remasked first. Original: `sampler: remdm-conf`.
 */
import { defineStrategy } from "../definition.ts";
import { alphas, confident } from "../loops/parity/weights.ts";
import { remdmTransition } from "./remdm.ts";

export const remdmConf = defineStrategy({
  kind: "remdm-conf",
  source: "ReMDM, section 4.1; original: sampler remdm-conf",
  summary:
    "sigma_i = softmax(-psi)_i * sigmaMax; psi: the probability of a token when it was revealed",
  confidence: () => true,
  transition: (_, step) => remdmTransition({ confidence: true }, step),
  parity: {
    weights: (_, time, dtype, confidence) => {
      const { alphaT, alphaS, sigmaMax } = alphas(time);
      return confident(sigmaMax, alphaT, alphaS, dtype, confidence.shares());
    },
  },
});
