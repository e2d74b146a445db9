/**
 * What the strategies that reveal the surest positions first have in common: which masked positions
 * come first, how many a step takes, and remasking beside it.
 */
import type { Row, RowState, RowStep, Selection, Told } from "../definition.ts";
import type { OptionTable, OptionValues } from "../optionTable.ts";
import { REMDM_OPTIONS, remdmTransition } from "./remdm.ts";
import { wholeShare } from "../schedule.ts";
import { sharesWithin, type Window } from "./window.ts";

/** Which token's probability is a row's confidence. */
export const OF_OPTIONS = {
  of: {
    type: "choice",
    choices: ["likeliest", "drawn"],
    help: "whose probability counts: the likeliest token's, or that of the token drawn, which needs the row",
  },
} as const satisfies OptionTable;

/** How many positions a step reveals, and remasking beside it. */
export const PACE_OPTIONS = {
  pace: {
    type: "choice",
    choices: ["even", "times"],
    help: "how many positions a step reveals: an even share of what is masked, or what its times say",
  },
  counts: {
    type: "integers",
    range: "[0, Infinity)",
    help: "how many positions each step reveals, in the place of pace; their number is that of the steps",
  },
  ...REMDM_OPTIONS,
  cap: {
    ...REMDM_OPTIONS.cap,
    default: 0,
    help: "largest chance of a remask in one step; 0 is no remasking",
  },
} as const satisfies OptionTable;

/** The same, and how strictly a step keeps to the order. */
export const ORDER_OPTIONS = {
  orderTemperature: {
    type: "number",
    default: 0,
    range: "[0, Infinity)",
    help: "noise on the order: scores are divided by it, and Gumbel noise is added; 0 is no noise",
  },
  anneal: {
    type: "flag",
    default: false,
    help: "whether the noise on the order falls with time, as in MaskGIT",
  },
  ...PACE_OPTIONS,
} as const satisfies OptionTable;

type PaceOptions = OptionValues<typeof PACE_OPTIONS>;
type OrderOptions = OptionValues<typeof ORDER_OPTIONS>;

/** A row that may rank last. */
type Ranked = RowState & { readonly suppressed: boolean };

/**
 * Sorts rows, the highest score first. Suppressed rows come last; of equals the lowest position
 * comes first, which published code leaves to `topk`.
 */
export function ranked<R extends Ranked>(rows: readonly R[], score: (row: R) => number): R[] {
  return rows
    .map((row) => ({ row, score: row.suppressed ? -Infinity : score(row) }))
    .sort((a, b) => (a.score === b.score ? 0 : b.score - a.score))
    .map(({ row }) => row);
}

export function positionsOf(rows: readonly RowState[]): number[] {
  return rows.map(({ position }) => position);
}

/**
 * Selects as many of the first positions as the step reveals, and what is remasked.
 * @param rows the masked positions, and the state of revealed ones where something is remasked.
 * @param score of a masked row; the highest comes first.
 */
export function selectInOrder<R extends Ranked>(
  options: PaceOptions,
  step: RowStep,
  rows: readonly R[],
  score: (row: R) => number,
): Selection {
  const masked = rows.filter((row) => row.masked);
  const remask = remasked(options, step, rows);
  const count = countOf(options, step, masked.length, remask.length);
  return {
    reveal: positionsOf(ranked(masked, score).slice(0, count)),
    remask: positionsOf(remask),
  };
}

/**
 * Adds noise to a score: the first of the order are then a draw without replacement, by weights
 * exp(score / temperature) (Gumbel top-k).
 */
export function noisy<R extends RowState>(
  { orderTemperature, anneal }: OrderOptions,
  { s }: RowStep,
  score: (row: R) => number,
): (row: R) => number {
  const temperature = orderTemperature * (anneal ? s : 1);
  if (temperature === 0) return score;
  // Either has the same order; neither overflows in its range.
  return temperature > 1
    ? (row) => score(row) / temperature + gumbel(row.uniform)
    : (row) => score(row) + temperature * gumbel(row.uniform);
}

function gumbel(uniform: number): number {
  return -Math.log(-Math.log(uniform));
}

/** Whether the strategy must know the revealed positions in a step. */
export function toldInOrder(options: PaceOptions, step: RowStep): Told {
  return sigmaOf(options, step) > 0 ? "state" : false;
}

/** The chance of a remask in a step; under confidence, the sum of all these chances. */
function sigmaOf({ cap, rescale, confidence, window }: PaceOptions, step: RowStep): number {
  return cap === 0
    ? 0
    : remdmTransition({ cap, rescale, confidence, window: windowOf(window) }, step).remask;
}

function windowOf(window: PaceOptions["window"]): Window {
  return window ?? { kind: "always" };
}

/** Selects what is remasked, each position by its own chance. */
function remasked<R extends RowState>(
  options: PaceOptions,
  step: RowStep,
  rows: readonly R[],
): R[] {
  const sigma = sigmaOf(options, step);
  if (sigma === 0) return [];
  const revealed = rows.filter((row) => !row.masked);
  if (!options.confidence) return revealed.filter(({ uniform }) => uniform < sigma);
  const weights = revealed.map(({ psi }) => Math.exp(-psi));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return revealed.filter(({ uniform }, i) => uniform < (sigma * weights[i]) / total);
}

/**
 * Counts the positions that a step reveals. Without remasking, `even` is LLaDA's
 * `get_num_transfer_tokens` and `times` is Dream's `int(masks * (1 - s / t))`, with what is left in
 * the last step. With remasking the number of masks follows alpha.
 * @returns at most `masks`.
 */
function countOf(options: PaceOptions, step: RowStep, masks: number, remasks: number): number {
  const { counts, pace, cap, window } = options;
  const { index, steps, free, t, s, quirks } = step;
  const isLast = index === steps - 1;
  if (isLast && (cap === 0 || counts !== undefined)) return masks;
  if (counts !== undefined) return Math.min(masks, (counts[index] ?? 0) + remasks);
  if (cap > 0) {
    const { atS } = sharesWithin(windowOf(window), t, s, quirks);
    const target = Math.round(free * Math.max(0, atS));
    return Math.min(masks, Math.max(0, masks + remasks - target));
  }
  return pace === "times" ? wholeShare(masks, 1 - s / t) : Math.ceil(masks / (steps - index));
}

/** The natural log of a row's confidence. */
export function logConfidence(
  of: OptionValues<typeof OF_OPTIONS>["of"],
  row: Row<"max" | "drawnLogProbability">,
): number {
  return of === "drawn" ? row.drawnLogProbability : row.max;
}

/** What {@link logConfidence} reads of a row. */
export function confidenceFields({
  of,
}: OptionValues<typeof OF_OPTIONS>): readonly ("max" | "drawnLogProbability")[] {
  return of === "drawn" ? ["drawnLogProbability"] : ["max"];
}
