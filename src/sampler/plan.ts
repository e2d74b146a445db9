/**
 * A strategy as numbers: since the network decides what a position becomes and never whether it changes
 * (docs/design.md, section 2), a whole run is a time grid and two chances a step.
 */
import { checkChoice, checkInteger, checkNumber, checkOptions } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { linearTimes, T_MIN } from "./schedule.ts";
import type { Compat, Strategy } from "./strategy.ts";
import { analyticTransition } from "./strategies/analytic.ts";
import { dfmTimes, dfmTransition } from "./strategies/dfm.ts";
import { forwardBackwardTransition } from "./strategies/forwardBackward.ts";
import type { Transition } from "./strategies/posterior.ts";
import { remdmTransition } from "./strategies/remdm.ts";
import { ruleOf, type Rule } from "./strategies/rule.ts";

/** A plan is held in memory, 24 bytes a step; more steps than this is a slip of the hand. */
export const MAX_STEPS = 1_000_000;

export interface Plan {
  /** T, the number of steps: for dfm that of its own grid. */
  readonly steps: number;
  /** [T + 1] falling times; step i goes from times[i] to times[i + 1], the final noise removal is at times[T]. */
  readonly times: Float64Array;
  /** [T] chance u that a masked position is revealed in a step. */
  readonly reveal: Float64Array;
  /** [T] chance r that a revealed position is remasked; under confidence each gets its share of it. */
  readonly remask: Float64Array;
  /** Whether `remask` is shared out by softmax(-psi). */
  readonly confidence: boolean;
  /** How the final noise removal chooses tokens. Original: `analytic` draws them (`_denoiser_update`). */
  readonly removal: "argmax" | "draw";
}

/**
 * @param steps as the caller asks for them, an integer >= 1.
 * @param options `end`: the last time of an even grid, in [0, 1). `compat`: whose corners a loop has.
 * @throws OptionError when the strategy is not valid, or is none of masks that are revealed by chance (`ar`).
 */
export function compilePlan(
  strategy: Strategy,
  steps: number,
  options: { readonly end?: number; readonly compat?: Compat } = {},
): Plan {
  const { end = T_MIN } = checkOptions("compilePlan", options, { end: true, compat: true });
  checkInteger("steps", steps, 1, MAX_STEPS);
  const last = checkNumber("end", end, "a time in [0, 1)", (t) => t >= 0 && t < 1);
  const compat = checkChoice("compat", options.compat, ["remdm", "paper"]);
  const rule = ruleOf(strategy);
  const times = rule.kind === "dfm" ? dfmTimes(steps) : linearTimes(steps, last);
  const reveal = new Float64Array(times.length - 1);
  const remask = new Float64Array(times.length - 1);
  for (let i = 0; i < reveal.length; i++) {
    const chances = transition(rule, times[i], times[i + 1], compat);
    reveal[i] = chances.reveal;
    remask[i] = chances.remask;
  }
  const confidence = rule.kind === "remdm" && rule.confidence;
  const removal = rule.kind === "analytic" ? "draw" : "argmax";
  return { steps: reveal.length, times, reveal, remask, confidence, removal };
}

/** The step from time t to the smaller time s. */
export function transition(rule: Rule, t: number, s: number, compat?: Compat): Transition {
  switch (rule.kind) {
    case "remdm":
      return remdmTransition(rule, t, s, compat);
    case "forward-backward":
      return forwardBackwardTransition(t, s);
    case "dfm":
      return dfmTransition(t, s);
    case "analytic":
      return analyticTransition(t, s);
    case "ar":
      throw new OptionError("strategy.kind", "ar", "a strategy of masked diffusion");
  }
}
