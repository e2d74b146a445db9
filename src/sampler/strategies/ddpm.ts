/**
 * `ddpm` has the distribution of `mdlm`, computed as the original's predictor `ddpm` computes it:
 * without a cache and without a nucleus. It is the one sampler of `d3pm` models. Original:
 * `_ddpm_update`.
 */
import { defineStrategy } from "../definition.ts";
import { ancestral, moveChance } from "../loops/parity/weights.ts";
import { chances } from "./posterior.ts";

export const ddpm = defineStrategy({
  kind: "ddpm",
  source: "original: predictor ddpm",
  summary: "the distribution of mdlm without nucleus and cache; what d3pm models have",
  models: ["mdlm", "d3pm"],
  nucleus: false,
  windows: false,
  transition: (_, step) => chances(step, 0),
  parity: {
    caches: false,
    weights: (_, { t, s }) => ancestral(moveChance(t), moveChance(s)),
  },
});
