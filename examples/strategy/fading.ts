// Draw first: time alone says whether a position changes. Here the chance of a remask falls with time.
// As a flag: npx remdm sample --strategy examples/dist/strategy/fading.js#fading --strategy-option eta=0.1
import { defineStrategy, posterior } from "remdm";

export const fading = defineStrategy({
  kind: "fading",
  source: "ReMDM, section 4.1, with a cap that falls with time",
  summary: "sigma = min(eta t, sigmaMax)",
  options: {
    eta: {
      type: "number",
      default: 0.05,
      range: "[0, 1]",
      help: "largest chance of a remask in a step, at t = 1",
    },
  },
  transition: ({ eta }, step) => posterior(step, Math.min(eta * step.t, step.sigmaMax)),
});
