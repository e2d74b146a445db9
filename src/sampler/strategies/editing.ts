/**
 * `editing` reveals what is sure enough and replaces revealed tokens that the network would not
 * choose again (LLaDA 2.1). It needs a network that was trained to judge revealed tokens.
 */
import { defineStrategy } from "../definition.ts";
import { positionsOf, ranked } from "./order.ts";

export const editing = defineStrategy({
  kind: "editing",
  source: "LLaDA 2.1 (2602.08676), mask-to-token and token-to-token",
  summary: "reveals what passes tau, and redraws tokens for which another one passes tauEdit",
  options: {
    tau: {
      type: "number",
      default: 0.95,
      range: "[0, 1]",
      help: "a mask goes above this probability",
    },
    tauEdit: {
      type: "number",
      default: 0.9,
      range: "[0, 1]",
      help: "a token is replaced by another one above this probability",
    },
    least: {
      type: "integer",
      default: 1,
      range: "[1, Infinity)",
      help: "positions that a step reveals at least",
    },
    after: {
      type: "integer",
      default: 16,
      range: "[0, Infinity)",
      help: "most steps once nothing is masked",
    },
  },
  judgesRevealed: true,
  ranksSuppressed: true,
  statistics: ["drawn", "drawnLogProbability"],
  revealed: true,
  untimed: true,
  stepsAfter: ({ after }) => after,
  select: ({ tau, tauEdit, least }, _, rows) => {
    const masked = ranked(
      rows.filter((row) => row.masked),
      (row) => row.drawnLogProbability,
    );
    const isAbove = (row: (typeof rows)[number], bound: number): boolean =>
      !row.suppressed && Math.exp(row.drawnLogProbability) > bound;
    const sure = masked.filter((row) => isAbove(row, tau));
    const edited = rows.filter(
      (row) => !row.masked && row.drawn !== row.token && isAbove(row, tauEdit),
    );
    return {
      reveal: positionsOf(sure.length >= least ? sure : masked.slice(0, least)),
      redraw: positionsOf(edited),
    };
  },
});
