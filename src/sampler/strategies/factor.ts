/**
 * `factor` reveals as many positions as their joint probability allows: with confidences c in
 * descending order, the largest n with (n + 1)(1 - c_n) <= factor. Published: Fast-dLLM,
 * `get_transfer_index_dynamic`.
 */
import { defineStrategy } from "../definition.ts";
import { confidenceFields, logConfidence, OF_OPTIONS, positionsOf, ranked } from "./order.ts";

export const factor = defineStrategy({
  kind: "factor",
  source: "Fast-dLLM (2505.22618), section 3.3",
  summary: "the n surest positions are revealed: the largest n with c_n >= 1 - factor / (n + 1)",
  options: {
    factor: {
      type: "number",
      default: 1,
      range: "[0, Infinity)",
      help: "bound on (n + 1)(1 - c_n), where c_n is the n-th highest confidence",
    },
    ...OF_OPTIONS,
  },
  ranksSuppressed: true,
  statistics: (options) => confidenceFields(options),
  untimed: true,
  select: ({ factor: bound, of }, { quirks }, rows) => {
    const order = ranked(rows, (row) => logConfidence(of, row));
    const passes = order.map((row, i) => {
      const isSure = Math.exp(logConfidence(of, row)) >= 1 - bound / (i + 2);
      return i === 0 || (!row.suppressed && isSure);
    });
    const count =
      quirks === "paper"
        ? passes.lastIndexOf(true) + 1
        : countOfCode(passes, order.at(-1)?.suppressed ?? false);
    return { reveal: positionsOf(order.slice(0, count)) };
  },
});

/**
 * Counts as the published code does: up to the first position that fails; where that is the very
 * last one and not suppressed, or none fails, all.
 */
function countOfCode(passes: readonly boolean[], lastWaits: boolean): number {
  const first = passes.indexOf(false);
  return first < 0 || (first === passes.length - 1 && (first === 0 || !lastWaits))
    ? passes.length
    : first;
}
