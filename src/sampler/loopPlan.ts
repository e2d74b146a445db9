/** Chooses the loop of a run from the model, the strategy and the executor. */
import { checkInteger } from "../foundation/checks.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import type {
  AnyEventStrategy,
  AnyRowStrategy,
  AnyTimeStrategy,
  RowStep,
  StrategyDefinition,
  Told,
} from "./definition.ts";
import type { DenoiserModel, ModelKind } from "./denoiser.ts";
import { blockRuleOf, type BlockRule } from "./loops/parity/blockRule.ts";
import { bindForm, isPublished, type BoundForm, type PublishedForm } from "./loops/parity/form.ts";
import { evenGrid, windowGrid, type ParityGrid } from "./loops/parity/grid.ts";
import type { PublishedRule } from "./loops/parity/publishedRule.ts";
import { parseOptions, type AnyOptions, type OptionTable } from "./optionTable.ts";
import { isGrid, MAX_STEPS, planOf, stepOf, timesOf, type Plan } from "./plan.ts";
import type { Quirks } from "./quirks.ts";
import { returnedFields, returnedInteger, wrongReturn } from "./returned.ts";
import type { RowField } from "./rowFields.ts";
import type { PreparedStrategy } from "./strategies/find.ts";

/** The loop that a run takes, with the data that this loop alone needs. */
export type LoopPlan =
  /** Changes are drawn first, then the network is asked about them (`loops/drawFirst.ts`). */
  | { readonly kind: "drawFirst"; readonly plan: Plan }
  /** The same in continuous time, without steps (`loops/drawFirst.ts`). */
  | {
      readonly kind: "events";
      readonly definition: AnyEventStrategy;
      readonly options: AnyOptions;
    }
  /**
   * The network is asked first, and its rows say what changes (`loops/askFirst.ts`). `times`: [T +
   * 1], never rising. `lastTold`: the last step in which the strategy may be told of revealed
   * positions, -1 if there is none. `readsState`: it is then told of their tokens and not of their
   * rows. `stepsAfter`: most steps once nothing is masked, of an untimed
   * strategy. `fields`: the numbers of a row that the strategy reads.
   */
  | {
      readonly kind: "askFirst";
      readonly definition: AnyRowStrategy;
      readonly options: AnyOptions;
      readonly times: Float64Array;
      readonly lastTold: number;
      readonly readsState: boolean;
      readonly stepsAfter: number;
      readonly fields: readonly RowField[];
    }
  /** Tokens are drawn from left to right (`loops/leftToRight.ts`). */
  | { readonly kind: "leftToRight"; readonly parity: boolean }
  /** Every position is computed in the original's arithmetic (`loops/parity/run.ts`). */
  | { readonly kind: "parity"; readonly form: BoundForm; readonly grid: ParityGrid }
  /** BD3-LM's loop as it is published (`loops/parity/blocks.ts`). */
  | { readonly kind: "blockParity"; readonly rule: BlockRule }
  /** A loop of LLaDA or Dream as it is published (`loops/parity/published.ts`). */
  | { readonly kind: "published"; readonly rule: PublishedRule };

/** Tells whether a loop follows the code of the original repository, or of BD3-LM's. */
export function followsOriginal(loop: LoopPlan): boolean {
  const { kind } = loop;
  return kind === "parity" || kind === "blockParity" || (kind === "leftToRight" && loop.parity);
}

/** Tells whether a loop is that of `executor: "dense"`. */
export function isDense(loop: LoopPlan): boolean {
  return loop.kind === "published" || followsOriginal(loop);
}

interface LoopOptions {
  readonly steps: unknown;
  readonly dense: boolean;
  readonly quirks: Quirks;
  readonly length: number;
  /** Tokens that a window moves on by; 0 if there is one window. */
  readonly stride: number;
  /** Tokens of a block; undefined if there are none. */
  readonly blockLength: number | undefined;
  /** The first time of the grid. */
  readonly begin: number;
  readonly model: DenoiserModel;
}

/**
 * Chooses the loop.
 * @returns the loop and its number of steps: dfm has a grid of its own, ar one step for each token
 *   that is drawn, and a strategy without steps counts one for each token.
 * @throws OptionError that says which two options exclude each other.
 */
export function loopOf(
  { definition, options }: PreparedStrategy,
  { steps, dense, quirks, length, stride, blockLength, begin, model }: LoopOptions,
): { readonly loop: LoopPlan; readonly steps: number } {
  const { kind } = definition;
  if (stride > 0 && definition.windows === false) {
    throw new OptionError("stride", stride, `undefined with the strategy ${kind}`);
  }
  const isOriginal = dense && !followsPublished(definition) && model.blockLength === undefined;
  if (model.blockLength !== undefined && definition.windows === false) {
    throw new OptionError("strategy.kind", kind, {
      message: `The strategy ${kind} has no blocks, and this model generates in blocks of ${model.blockLength} tokens`,
      remedy: "Take another strategy, such as first-hitting or remdm-cap.",
    });
  }
  if (blockLength !== undefined && (isOriginal || definition.windows === false)) {
    const why = isOriginal
      ? "the executor dense: the original has no blocks"
      : `the strategy ${kind}`;
    throw new OptionError("blockLength", blockLength, `undefined with ${why}`);
  }
  const span = blockLength ?? length;
  if ("leftToRight" in definition) {
    checkBos(model);
    refuseSteps(steps, "ar takes one step a token");
    return { loop: { kind: "leftToRight", parity: dense }, steps: drawnTokens(length, quirks) };
  }
  if (dense && model.blockLength !== undefined) {
    const rule = blockRuleOf(definition, options);
    if (rule === "firstHitting") refuseSteps(steps, `${kind} has no time grid`);
    return { loop: { kind: "blockParity", rule }, steps: countOf(steps, span) };
  }
  if (dense) {
    const { parity } = definition;
    if (parity === undefined) {
      throw new OptionError("strategy.kind", kind, "one that the original's code has, for `dense`");
    }
    const count = countOf(steps, span);
    if (isPublished(parity)) {
      if (stride > 0) {
        throw new OptionError("stride", stride, "undefined: the published code has no windows");
      }
      const rule = publishedRule(definition, parity, options);
      if (rule.order === "remdm" && count % 2 === 1) {
        throw new OptionError("steps", count, "an even number: half of the steps reveal");
      }
      return { loop: { kind: "published", rule }, steps: count };
    }
    const usual = stride > 0 ? windowGrid : evenGrid;
    const grid = ("weights" in parity ? (parity.grid ?? usual) : usual)(count);
    return {
      loop: { kind: "parity", form: bindForm(parity, options), grid },
      steps: grid.steps.length,
    };
  }
  if ("nextEvent" in definition) {
    refuseSteps(steps, `${kind} has no time grid`);
    return { loop: { kind: "events", definition, options }, steps: span };
  }
  // A window's last time is 0, not 1e-5: it leaves nothing to the final noise removal.
  const end = stride > 0 ? 0 : undefined;
  if (!("select" in definition)) {
    const times = readTimes(steps, span, definition, end, begin);
    const plan = planOf(definition, options, times, quirks);
    return { loop: { kind: "drawFirst", plan }, steps: times.length - 1 };
  }
  const stepsAfter = stepsAfterOf(definition, options);
  const count = stepsOf(definition, options, steps, span + stepsAfter);
  const times = readTimes(count, span, definition, end, begin);
  const bounds = { free: span, vocabSize: model.vocabSize };
  const { lastTold, readsState } = lastToldOf(definition, options, times, quirks, bounds);
  const fields = fieldsIn(definition, options, quirks);
  const asks = { definition, options, times, lastTold, readsState, stepsAfter, fields };
  return { loop: { kind: "askFirst", ...asks }, steps: times.length - 1 };
}

/** @throws OptionError for steps of a strategy that takes none. */
function refuseSteps(steps: unknown, why: string): void {
  if (steps !== undefined) throw new OptionError("steps", steps, `undefined (${why})`);
}

/** Reads the steps of a loop that takes a number of them: by default one for each token. */
function countOf(steps: unknown, span: number): number {
  return checkInteger("steps", steps === undefined ? span : steps, 1, MAX_STEPS);
}

/** Tells whether `dense` follows the code of LLaDA or Dream, and not the original repository's. */
export function followsPublished(definition: StrategyDefinition): boolean {
  const form = "parity" in definition ? definition.parity : undefined;
  return form !== undefined && isPublished(form);
}

/** Finds the published loop that a strategy's options are. @throws OptionError if none is. */
function publishedRule(
  { kind, options: table = {} }: { readonly kind: string; readonly options?: OptionTable },
  { published }: PublishedForm,
  options: AnyOptions,
): PublishedRule {
  const defaults = parseOptions("strategy.", kind, table, {});
  const apart = published.map((setting) => {
    const needed = { ...defaults, ...setting.options };
    const { free = [] } = setting;
    return Object.keys(options).find((name) => {
      return !free.includes(name) && !isSame(options[name], needed[name]);
    });
  });
  const at = apart.indexOf(undefined);
  if (at >= 0) {
    const { remasks = 0 } = options;
    return { order: published[at].order, remasks: Number(remasks) };
  }
  const name = apart[0] ?? "kind";
  const settings = published.map(({ order, options: needed }) => {
    const said = Object.entries(needed).map(([one, value]) => `${one} ${JSON.stringify(value)}`);
    return `${said.length === 0 ? "no options" : said.join(" and ")} (${order})`;
  });
  throw new OptionError(`strategy.${name}`, options[name], {
    allowed: `as published code has it, with the executor dense: ${settings.join(", or ")}`,
    remedy: 'Give just these options, or sample with executor: "events".',
  });
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Returns the numbers of a row that a strategy reads. */
function fieldsIn(
  { kind, statistics }: AnyRowStrategy,
  options: AnyOptions,
  quirks: Quirks,
): readonly RowField[] {
  if (typeof statistics !== "function") return statistics;
  return returnedFields(kind, statistics(options, quirks));
}

/** Returns the most steps that a strategy takes once nothing is masked. */
function stepsAfterOf(definition: AnyRowStrategy, options: AnyOptions): number {
  if (definition.stepsAfter === undefined) return 0;
  return returnedInteger(definition.kind, "stepsAfter", definition.stepsAfter(options), 0);
}

/**
 * Returns the steps of an ask-first strategy, which may say their number itself.
 * @param most steps of an untimed strategy.
 */
function stepsOf(
  definition: AnyRowStrategy,
  options: AnyOptions,
  steps: unknown,
  most: number,
): unknown {
  const { kind, untimed = false } = definition;
  if (untimed) {
    if (steps === undefined) return Math.min(MAX_STEPS, most);
    throw new OptionError("steps", steps, `undefined (${kind} takes as many as its rows need)`);
  }
  const said: unknown = definition.steps?.(options);
  if (said === undefined) return steps;
  const own = returnedInteger(kind, "steps", said, 1, MAX_STEPS);
  const given = Array.isArray(steps) || ArrayBuffer.isView(steps) ? stepsIn(steps) : steps;
  if (given === undefined || given === own) return steps ?? own;
  throw new OptionError("steps", steps, `${own} or left out: the options of ${kind} say so`);
}

/** The number of steps of a time grid of any origin. */
function stepsIn(times: unknown): number {
  return Array.from(times as ArrayLike<unknown>).length - 1;
}

/**
 * Returns what a strategy is told of revealed positions in a step.
 * @throws RemdmError `strategy_invalid` for anything else.
 */
export function toldOf(
  { kind, revealed = false }: AnyRowStrategy,
  options: AnyOptions,
  step: RowStep,
): Told {
  if (typeof revealed !== "function") return revealed;
  const told: unknown = revealed(options, step);
  if (told === true || told === false || told === "state") return told;
  throw wrongReturn(kind, "revealed", told, 'true, false or "state"', ` in step ${step.index}`);
}

/**
 * Returns the last step in which a strategy may be told of revealed positions, -1 if there is none,
 * and whether it is then told of their state alone.
 */
function lastToldOf(
  definition: AnyRowStrategy,
  options: AnyOptions,
  times: Float64Array,
  quirks: Quirks,
  more: Pick<RowStep, "free" | "vocabSize">,
): { readonly lastTold: number; readonly readsState: boolean } {
  const { revealed = false, untimed = false } = definition;
  const steps = times.length - 1;
  if (revealed === false) return { lastTold: -1, readsState: false };
  if (untimed) return { lastTold: steps - 1, readsState: revealed === "state" };
  const toldIn = (index: number): Told => {
    const step = stepOf(times[index], times[index + 1], quirks);
    return toldOf(definition, options, { ...step, index, steps, ...more });
  };
  let i = steps - 1;
  while (i >= 0 && toldIn(i) === false) i--;
  return { lastTold: i, readsState: i >= 0 && toldIn(i) === "state" };
}

/** @returns [T + 1] times that never rise. */
function readTimes(
  steps: unknown,
  length: number,
  definition: Pick<AnyTimeStrategy, "kind" | "times">,
  end: number | undefined,
  begin: number,
): Float64Array {
  if (Array.isArray(steps) || ArrayBuffer.isView(steps)) return checkTimes(steps, begin);
  const count = countOf(steps, length);
  return timesOf(definition, count, end, begin);
}

function checkTimes(steps: unknown, begin: number): Float64Array {
  const given = Array.from(steps as ArrayLike<unknown>);
  const times = Float64Array.from(given, (time) => (typeof time === "number" ? time : NaN));
  if (times.length - 1 <= MAX_STEPS && isGrid(times, begin)) return times;
  const allowed = `a number of steps, or an array of times that never rise, from ${begin} to 0 or above (two or more, only the last 0)`;
  throw new OptionError("steps", steps, allowed);
}

/** Tells whether to compute as the original does. */
export function readExecutor(executor: unknown, kind: ModelKind): boolean {
  // Whether a d3pm row reveals depends on the whole row, and its last step changes revealed tokens.
  const allowed = kind === "d3pm" ? ["dense"] : ["events", "dense"];
  const chosen = executor === undefined ? allowed[0] : executor;
  if (typeof chosen === "string" && allowed.includes(chosen)) return chosen === "dense";
  const names = allowed.map((name) => JSON.stringify(name)).join(" or ");
  throw new OptionError("executor", executor, `${names} for a model of kind ${kind}`);
}

/**
 * Counts the tokens that `ar` draws. The first token begins the text. The original forces the last
 * token to be the same one, which its papers do not say.
 */
function drawnTokens(length: number, quirks: Quirks): number {
  return length - (quirks === "original" ? 2 : 1);
}

function checkBos({ bosId, vocabSize }: DenoiserModel): void {
  if (bosId !== undefined && Number.isSafeInteger(bosId) && bosId >= 0 && bosId < vocabSize) return;
  throw new RemdmError(
    `An ar model needs a token to begin with; its bosId is ${String(bosId)} of ${vocabSize}`,
    {
      code: "denoiser_invalid",
      remedy: "Set the model's bosId, or use a tokenizer that has a begin-of-text token.",
    },
  );
}
