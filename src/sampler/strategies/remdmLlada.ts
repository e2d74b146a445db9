/**
 * `remdm-llada` is ReMDM-loop for networks that are sampled in order of confidence (ReMDM, appendix
 * on LLaDA): most of the text is revealed, then in each step the least confident tokens are
 * remasked and as many are revealed, then the rest is revealed. Published: ReMDM-LLaDA,
 * `llada_remdm_sample`.
 */
import { defineStrategy, type RowStep } from "../definition.ts";
import { positionsOf, ranked } from "./order.ts";

/** Share of the first phase in the steps of the two phases that reveal. */
const BEFORE_LOOP = 7 / 8;

export const remdmLlada = defineStrategy({
  kind: "remdm-llada",
  source: "ReMDM, LLaDA experiments; its code: llada_remdm_sample",
  summary: "confidence order with a loop in which the least confident tokens are remasked",
  options: {
    remasks: {
      type: "integer",
      default: 1,
      range: "[0, Infinity)",
      help: "tokens that each step of the loop remasks",
    },
  },
  ranksSuppressed: true,
  parity: { published: [{ order: "remdm", options: {}, free: ["remasks"] }] },
  statistics: ["drawnLogProbability"],
  revealed: (_, step) => (step.index < loopOf(step).end ? "state" : false),
  remaskFirst: ({ remasks }, step, rows) => {
    const { begin, end } = loopOf(step);
    if (step.index < begin || step.index >= end) return [];
    const leastSure = rows
      .filter(({ masked }) => !masked)
      .sort((a, b) => a.logProbability - b.logProbability);
    return positionsOf(leastSure.slice(0, remasks));
  },
  select: ({ remasks }, step, rows) => {
    const masked = rows.filter((row) => row.masked);
    const { begin, end } = loopOf(step);
    const isLoop = step.index >= begin && step.index < end;
    const left =
      step.index < begin ? step.steps - (end - begin) - step.index : step.steps - step.index;
    const count = isLoop ? remasks : Math.ceil(masked.length / left);
    const order = ranked(masked, (row) => row.drawnLogProbability);
    return { reveal: positionsOf(order.slice(0, count)) };
  },
});

/** The steps in which tokens are remasked: half of all, from `begin` to before `end`. */
function loopOf({ steps }: Pick<RowStep, "steps">): {
  readonly begin: number;
  readonly end: number;
} {
  const revealing = Math.ceil(steps / 2);
  const begin = Math.floor(revealing * BEFORE_LOOP);
  return { begin, end: begin + steps - revealing };
}
