/**
 * `random` reveals positions in an order that is drawn: as many a step as the other orders, which
 * it is to be compared with. Published as LLaDA's `random`.
 */
import { defineStrategy } from "../definition.ts";
import { PACE_OPTIONS, selectInOrder, toldInOrder } from "./order.ts";

export const random = defineStrategy({
  kind: "random",
  source: "LLaDA: generate, random",
  summary: "positions are revealed in random order, a fixed number in each step",
  options: PACE_OPTIONS,
  ranksSuppressed: true,
  parity: { published: [{ order: "random", options: {} }] },
  statistics: [],
  revealed: (options, step) => toldInOrder(options, step),
  steps: ({ counts }) => counts?.length,
  select: (options, step, rows) => selectInOrder(options, step, rows, (row) => row.uniform),
});
