/**
 * A plan is a draw-first strategy as numbers. The network decides what a position becomes and never
 * whether it changes (docs/design.md), so a whole run is a time grid and two chances for each step.
 */
import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import { described } from "../foundation/messages.ts";
import type { AnyTimeStrategy, Step } from "./definition.ts";
import type { AnyOptions } from "./optionTable.ts";
import type { Quirks } from "./quirks.ts";
import { linearTimes, T_MIN } from "./schedule.ts";
import { wrongReturn } from "./returned.ts";
import { findStrategy } from "./strategies/find.ts";
import { sigmaMax } from "./strategies/posterior.ts";
import type { AnyStrategy } from "./strategy.ts";

/**
 * The most steps of a plan, which takes 24 bytes of memory for each; more steps are taken for a
 * mistake.
 */
export const MAX_STEPS = 1_000_000;

export interface Plan {
  /** T, the number of steps; dfm has a grid of its own. */
  readonly steps: number;
  /**
   * [T + 1] times that never rise; step i goes from times[i] to times[i + 1], the final noise
   * removal is at times[T].
   */
  readonly times: Float64Array;
  /** [T] chance u that a masked position is revealed in a step. */
  readonly reveal: Float64Array;
  /**
   * [T] chance r that a revealed position is remasked; under confidence each position gets its
   * share of it.
   */
  readonly remask: Float64Array;
  /** Whether `remask` is shared out by softmax(-psi). */
  readonly confidence: boolean;
  /**
   * How the final noise removal chooses tokens. Original: `analytic` draws them
   * (`_denoiser_update`).
   */
  readonly removal: "argmax" | "draw";
}

/**
 * Compiles a draw-first strategy of `mdlm` models.
 * @param steps T >= 1, an integer.
 * @param options `end`: the last time of an even grid, in [0, 1). `quirks`: `original` gives the
 *   original's loop, `paper` the paper's; they differ in steps that cross a corner of the plateau.
 * @throws OptionError when the strategy is not valid, or does not draw first (`ar`).
 */
export function compilePlan(
  strategy: AnyStrategy,
  steps: number,
  options: { readonly end?: number; readonly quirks?: Quirks } = {},
): Plan {
  const { end = T_MIN } = checkOptions("compilePlan", options, { end: true, quirks: true });
  checkInteger("steps", steps, 1, MAX_STEPS);
  const last = checkNumber("end", end, "a time in [0, 1)", (t) => t >= 0 && t < 1);
  const quirks = checkChoice("quirks", options.quirks, ["original", "paper"]);
  const { definition, options: own } = findStrategy(strategy, modelOf(strategy));
  if (!("transition" in definition)) {
    throw new OptionError("strategy.kind", definition.kind, "one that draws first, on a time grid");
  }
  return planOf(definition, own, timesOf(definition, steps, last), quirks);
}

/**
 * The time grid of a strategy: its own, else an even one.
 * @param end the last time of an even grid.
 * @param begin the first time; a strategy with a grid of its own takes 1 alone.
 * @returns [T + 1] times that never rise.
 * @throws RemdmError `strategy_invalid` for a grid of its own that is none.
 */
export function timesOf(
  { kind, times }: Pick<AnyTimeStrategy, "kind" | "times">,
  steps: number,
  end: number | undefined,
  begin = 1,
): Float64Array {
  if (times === undefined) return linearTimes(steps, end, begin);
  if (begin !== 1) {
    throw new OptionError("strategy.kind", kind, {
      message: `The strategy ${kind} cannot begin at ${begin}: its own time grid begins at 1`,
      remedy: "Give the times as `steps`, or take another strategy, such as remdm-cap.",
    });
  }
  const own: unknown = times(steps);
  if (own instanceof Float64Array && isGrid(own)) return own;
  throw new RemdmError(
    `The time grid of the strategy ${kind} rises, or does not go from 1 to 0 or above`,
    {
      code: "strategy_invalid",
      remedy:
        "Let its times return a Float64Array that begins with 1, never rises, and has no 0 but the last.",
    },
  );
}

/**
 * Tells whether times are a grid: two at least, from `begin` to 0 or above. They may stand still,
 * and only the last one may be 0, where the posterior is not defined.
 */
export function isGrid(times: Float64Array, begin = 1): boolean {
  const last = times.length - 1;
  const isTime = (time: number, i: number): boolean =>
    i === 0 ? time === begin : time <= times[i - 1] && (time > 0 || (i === last && time === 0));
  return last >= 1 && times.every(isTime);
}

/** Finds `ar` too, which is then refused with a message of its own. */
function modelOf(strategy: unknown): "ar" | "mdlm" {
  const isAr = typeof strategy === "object" && strategy !== null && "kind" in strategy;
  return isAr && strategy.kind === "ar" ? "ar" : "mdlm";
}

/**
 * Computes the chances of every step.
 * @param times [T + 1], as {@link Plan.times}.
 * @throws RemdmError `strategy_invalid` for a number outside [0, 1].
 */
export function planOf(
  definition: AnyTimeStrategy,
  options: AnyOptions,
  times: Float64Array,
  quirks: Quirks,
): Plan {
  const steps = times.length - 1;
  const reveal = new Float64Array(steps);
  const remask = new Float64Array(steps);
  for (let i = 0; i < steps; i++) {
    const chances = definition.transition(options, stepOf(times[i], times[i + 1], quirks));
    reveal[i] = checkChance(definition.kind, "reveal", i, chances);
    remask[i] = checkChance(definition.kind, "remask", i, chances);
  }
  const confidence: unknown = definition.confidence?.(options) ?? false;
  if (typeof confidence !== "boolean") {
    throw wrongReturn(definition.kind, "confidence", confidence, "true or false");
  }
  return { steps, times, reveal, remask, confidence, removal: definition.lastStep ?? "argmax" };
}

/** Returns the step from time t to the time s <= t. */
export function stepOf(t: number, s: number, quirks: Quirks): Step {
  const max = sigmaMax({ atT: t, atS: s });
  return { t, s, alphaT: 1 - t, alphaS: 1 - s, sigmaMax: max, quirks };
}

function checkChance(
  kind: string,
  name: "reveal" | "remask",
  step: number,
  transition: unknown,
): number {
  const chance = isRecord(transition) ? transition[name] : undefined;
  if (typeof chance === "number" && chance >= 0 && chance <= 1) return chance;
  throw new RemdmError(
    `The strategy ${kind} gives ${described(chance)} as the chance of a ${name} in step ${step}`,
    { code: "strategy_invalid", remedy: `Let its transition return ${name} in [0, 1].` },
  );
}
