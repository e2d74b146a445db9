/**
 * `entropy-bounded` reveals the positions whose dependence on one another is bounded by their
 * entropies (Ben-Hamu et al., 2025): the most that keep the sum of entropies without the largest
 * one within gamma.
 */
import { defineStrategy } from "../definition.ts";
import { positionsOf, ranked } from "./order.ts";

export const entropyBounded = defineStrategy({
  kind: "entropy-bounded",
  source: "EB-Sampler (2505.24857), section 3",
  summary:
    "as many positions are revealed as keep the sum of entropies but the largest within gamma",
  options: {
    gamma: {
      type: "number",
      default: 0.1,
      range: "[0, Infinity)",
      help: "bound on the entropies of the positions of a step, without the largest",
      unit: "nats",
    },
    by: {
      type: "choice",
      choices: ["entropy", "confidence", "margin"],
      help: "which positions come first",
    },
  },
  ranksSuppressed: true,
  statistics: ({ by }) => {
    if (by === "entropy") return ["entropy"];
    return by === "confidence" ? ["entropy", "max"] : ["entropy", "max", "second"];
  },
  untimed: true,
  select: ({ gamma, by }, _, rows) => {
    const order = ranked(rows, (row) => {
      if (by === "entropy") return -row.entropy;
      return by === "confidence" ? row.max : Math.exp(row.max) - Math.exp(row.second);
    });
    let sum = 0;
    let largest = 0;
    const count = order.findIndex((row, i) => {
      sum += row.entropy;
      largest = Math.max(largest, row.entropy);
      return i > 0 && (row.suppressed || sum - largest > gamma);
    });
    return { reveal: positionsOf(count < 0 ? order : order.slice(0, count)) };
  },
});
