/**
 * `p2` plans each step by the scores of all positions: the lowest are masked after it, whether they
 * were masked or revealed before (Path Planning, self-planning). Published: `p2_sampling`.
 */
import { defineStrategy } from "../definition.ts";
import { confidenceFields, logConfidence, OF_OPTIONS, positionsOf, wholeShare } from "./order.ts";

export const p2 = defineStrategy({
  kind: "p2",
  source: "P2 (2502.03540), self-planning; its code: p2_sampling",
  summary:
    "after each step the positions with the lowest log-probability are masked, be they revealed or not",
  options: {
    eta: {
      type: "number",
      default: 1,
      range: "[0, Infinity)",
      help: "weight of the log-probability at revealed positions: 0 remasks nothing, 1 treats all alike, more remasks more",
    },
    ...OF_OPTIONS,
  },
  /** At revealed positions the code scores what it would draw there; the paper, their token. */
  statistics: (options, quirks) =>
    quirks === "paper" ? [...confidenceFields(options), "given"] : confidenceFields(options),
  revealed: ({ eta }) => eta > 0,
  select: ({ eta, of }, { s, free, quirks }, rows) => {
    const scored = rows.map((row) => {
      const weight = row.masked ? 1 : eta;
      const isOfToken = !row.masked && quirks === "paper";
      const score = isOfToken ? row.given : logConfidence(of, row);
      return { row, score: row.masked && row.suppressed ? -Infinity : weight * score };
    });
    const ascending = scored.map(({ score }) => score).sort((a, b) => a - b);
    // As in the code: what equals the cut stays.
    const cut = ascending.at(wholeShare(free, s)) ?? Infinity;
    const low = scored.filter(({ score }) => score < cut).map(({ row }) => row);
    const high = scored.filter(({ score }) => !(score < cut)).map(({ row }) => row);
    return {
      reveal: positionsOf(high.filter(({ masked }) => masked)),
      remask: positionsOf(low.filter(({ masked }) => !masked)),
    };
  },
});
