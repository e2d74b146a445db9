/** `entropy` reveals the positions of the lowest entropy first: Dream's `entropy`. */
import { defineStrategy } from "../definition.ts";
import { noisy, ORDER_OPTIONS, selectInOrder, toldInOrder } from "./order.ts";

export const entropy = defineStrategy({
  kind: "entropy",
  source: "Dream: entropy",
  summary: "the positions whose row has the lowest entropy are revealed first",
  options: ORDER_OPTIONS,
  ranksSuppressed: true,
  parity: { published: [{ order: "entropy", options: { pace: "times" } }] },
  statistics: ["entropy"],
  revealed: (options, step) => toldInOrder(options, step),
  steps: ({ counts }) => counts?.length,
  select: (options, step, rows) => {
    const score = (row: (typeof rows)[number]) => -row.entropy;
    return selectInOrder(options, step, rows, noisy(options, step, score));
  },
});
