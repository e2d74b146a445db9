/**
 * `margin` reveals first the positions whose likeliest token is furthest ahead of the second (Kim
 * et al., 2025; Dream's `topk_margin`).
 */
import { defineStrategy } from "../definition.ts";
import { noisy, ORDER_OPTIONS, selectInOrder, toldInOrder } from "./order.ts";

export const margin = defineStrategy({
  kind: "margin",
  source: "Kim et al., 2025 (2502.06768), section 4; Dream: topk_margin",
  summary: "the positions whose two likeliest tokens differ most in probability are revealed first",
  options: ORDER_OPTIONS,
  ranksSuppressed: true,
  parity: { published: [{ order: "topk_margin", options: { pace: "times" } }] },
  statistics: ["max", "second"],
  revealed: (options, step) => toldInOrder(options, step),
  steps: ({ counts }) => counts?.length,
  select: (options, step, rows) => {
    const score = ({ max, second }: (typeof rows)[number]) => Math.exp(max) - Math.exp(second);
    return selectInOrder(options, step, rows, noisy(options, step, score));
  },
});
