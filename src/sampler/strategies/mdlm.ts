/** MDLM's ancestral sampler (Sahoo et al., 2024) never remasks. Original: `sampler: mdlm`. */
import { defineStrategy } from "../definition.ts";
import { ancestral } from "../loops/parity/weights.ts";
import { chances } from "./posterior.ts";

export const mdlm = defineStrategy({
  kind: "mdlm",
  source: "MDLM, section 3; original: sampler mdlm",
  summary: "ancestral sampling: nothing is ever remasked",
  transition: (_, step) => chances(step, 0),
  parity: { weights: (_, { t, s }) => ancestral(t, s) },
});
