/**
 * `ar` goes from left to right, one token for each step: it is the one sampler of `ar` models.
 * Original: `_ar_sampler`.
 */
import { makerOf } from "../definition.ts";

export const ar = makerOf({
  kind: "ar",
  source: "original: _ar_sampler",
  summary: "from left to right, one token a step; what ar models have",
  models: ["ar"],
  windows: false,
  leftToRight: true,
});
