/**
 * `threshold` reveals in each step every position that is sure enough, and the surest in any case.
 * Published: Fast-dLLM, `get_transfer_index` with `threshold`.
 */
import { defineStrategy } from "../definition.ts";
import { confidenceFields, logConfidence, OF_OPTIONS, positionsOf, ranked } from "./order.ts";

export const threshold = defineStrategy({
  kind: "threshold",
  source: "Fast-dLLM (2505.22618), section 3.3",
  summary: "every position whose token has at least the probability tau is revealed; one at least",
  options: {
    tau: { type: "number", default: 0.9, range: "[0, 1]", help: "least probability of a token" },
    ...OF_OPTIONS,
  },
  ranksSuppressed: true,
  statistics: (options) => confidenceFields(options),
  untimed: true,
  select: ({ tau, of }, _, rows) => {
    const order = ranked(rows, (row) => logConfidence(of, row));
    const passes = order.filter((row, i) => {
      return i === 0 || (!row.suppressed && Math.exp(logConfidence(of, row)) >= tau);
    });
    return { reveal: positionsOf(passes) };
  },
});
