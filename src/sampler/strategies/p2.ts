/**
 * `p2` plans each step by the scores of all positions: the lowest are masked after it, whether they
 * were masked or revealed before (Path Planning, self-planning). Published: `p2_sampling`.
 */
import { defineStrategy } from "../definition.ts";
import { wholeShare } from "../schedule.ts";
import { confidenceFields, logConfidence, OF_OPTIONS, positionsOf } from "./order.ts";

/** What a position's rank hangs on. */
interface Scored {
  readonly last: boolean;
  readonly score: number;
}

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
  ranksSuppressed: true,
  /** At revealed positions the code scores what it would draw there; the paper, their token. */
  statistics: (options, quirks) =>
    quirks === "paper" ? [...confidenceFields(options), "given"] : confidenceFields(options),
  revealed: ({ eta }) => eta > 0,
  select: ({ eta, of }, { s, free, quirks }, rows) => {
    const scored = rows.map((row) => {
      const weight = row.masked ? 1 : eta;
      const isOfToken = !row.masked && quirks === "paper";
      const score = isOfToken ? row.given : logConfidence(of, row);
      return { row, last: row.masked && row.suppressed, score: weight * score };
    });
    // What is suppressed is masked first, by its score too: it is not all equal.
    const order = (a: Scored, b: Scored): number => {
      if (a.last !== b.last) return a.last ? -1 : 1;
      return a.score === b.score ? 0 : a.score - b.score;
    };
    // As in the code: what equals the cut stays.
    const cut = [...scored].sort(order).at(wholeShare(free, s));
    const isLow = (one: Scored): boolean => cut === undefined || order(one, cut) < 0;
    const low = scored.filter(isLow).map(({ row }) => row);
    const high = scored.filter((one) => !isLow(one)).map(({ row }) => row);
    return {
      reveal: positionsOf(high.filter(({ masked }) => masked)),
      remask: positionsOf(low.filter(({ masked }) => !masked)),
    };
  },
});
