/** Checks everything that a caller asks for before anything runs, and fills in the defaults: once for a run. */
import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import type { AnyRowStrategy, StrategyDefinition } from "./definition.ts";
import type { DenoiserModel, ModelKind, TokenId } from "./denoiser.ts";
import { SAMPLE_LIMIT } from "./draw/noise.ts";
import type { SamplerOptions } from "./events.ts";
import { bindForm, type BoundForm } from "./loops/parity/form.ts";
import { evenGrid, windowGrid, type DenseGrid } from "./loops/parity/grid.ts";
import type { AnyOptions } from "./optionTable.ts";
import { MAX_STEPS, planOf, type Plan } from "./plan.ts";
import type { Quirks } from "./quirks.ts";
import { linearTimes } from "./schedule.ts";
import { findStrategy, modelKindFor, type PreparedStrategy } from "./strategies/find.ts";

const SEED_LIMIT = 2n ** 64n;
const MAX_STRIDES = 1_000_000;

/** Nucleus mass where nothing is said and the strategy has a nucleus: the paper's. */
export const DEFAULT_TOP_P = 0.9;

/** The loop that a run takes, with what that loop alone needs. */
export type LoopPlan =
  /** Changes are drawn first, then the network is asked about them (`loops/drawFirst.ts`). */
  | { readonly kind: "drawFirst"; readonly plan: Plan }
  /** The network is asked first, and its rows say what changes (`loops/askFirst.ts`). [T + 1] falling times. */
  | {
      readonly kind: "askFirst";
      readonly definition: AnyRowStrategy;
      readonly options: AnyOptions;
      readonly times: Float64Array;
    }
  /** Left to right (`loops/leftToRight.ts`). */
  | { readonly kind: "leftToRight"; readonly parity: boolean }
  /** The original's arithmetic (`loops/parity/run.ts`). */
  | { readonly kind: "parity"; readonly form: BoundForm; readonly grid: DenseGrid };

/** {@link SamplerOptions} with everything said: every layer is handed this. */
export interface PreparedRun {
  /** The kind of the strategy and its options, every one said. */
  readonly strategy: { readonly kind: string; readonly [option: string]: unknown };
  readonly loop: LoopPlan;
  /** Steps of the time grid: for dfm of its own, for ar the tokens that are drawn. */
  readonly steps: number;
  readonly topP: number;
  readonly samples: number;
  readonly firstSample: number;
  readonly batchSize: number;
  readonly length: number;
  readonly seed: bigint;
  readonly noise: "philox" | "torch";
  readonly quirks: Quirks;
  readonly pinned: ReadonlyMap<number, TokenId>;
  /** Tokens that a window moves on by, and how often: 0 and 0 unless semi-autoregressive. */
  readonly stride: number;
  readonly strides: number;
  /** How many first tokens of a text are given: a prompt, and what begins an `ar` text. */
  readonly given: number;
  /** Token before which a text ends; undefined: with its length. */
  readonly endId: TokenId | undefined;
  readonly signal: AbortSignal | undefined;
}

const KNOWN: Readonly<Record<keyof SamplerOptions, true>> = {
  strategy: true,
  steps: true,
  topP: true,
  samples: true,
  firstSample: true,
  batchSize: true,
  length: true,
  seed: true,
  pinned: true,
  executor: true,
  noise: true,
  quirks: true,
  stride: true,
  strides: true,
  until: true,
  signal: true,
};

/**
 * Prepares a run: parses every option, the strategy's too, and compiles its steps.
 * @param options of any origin: untyped callers get the same errors.
 * @throws OptionError that names the option, its value and what is allowed.
 * @throws RemdmError `denoiser_invalid` when the model contradicts itself; `strategy_invalid` when the strategy does.
 */
export function prepare(options: SamplerOptions, model: DenoiserModel): PreparedRun {
  checkModel(model);
  const given = checkOptions("a sampler", options, KNOWN);
  const { samples = 1, firstSample = 0, length = model.length } = given;
  const count = checkInteger("samples", samples, 1, SAMPLE_LIMIT);
  const L = checkInteger("length", length, model.kind === "ar" ? 2 : 1, model.length);
  const { batchSize = Math.min(count, 16) } = given;
  const { kind = "mdlm" } = model;
  const strategy = findStrategy(given.strategy, kind);
  const dense = readExecutor(given.executor, kind);
  const noise = checkChoice("noise", given.noise, noisesOf(strategy.definition, dense));
  const quirks = checkChoice("quirks", given.quirks, dense ? ["original"] : ["original", "paper"]);
  const windows = readWindows(given.stride, given.strides, L);
  const pinned = readPinned(given.pinned, L, model);
  const { loop, steps } = loopOf(strategy, {
    steps: given.steps,
    dense,
    quirks,
    length: L,
    stride: windows.stride,
    model,
  });
  return {
    strategy: { kind: strategy.definition.kind, ...strategy.options },
    loop,
    steps,
    topP: readTopP(given.topP, strategy.definition, quirks),
    samples: count,
    // PyTorch's stream has no beginning but its first sample.
    firstSample: checkInteger(
      "firstSample",
      firstSample,
      0,
      noise === "torch" ? 0 : SAMPLE_LIMIT - count,
    ),
    batchSize: checkInteger("batchSize", batchSize, 1, Number.MAX_SAFE_INTEGER),
    length: L,
    seed: readSeed(given.seed),
    noise,
    quirks,
    pinned,
    ...windows,
    given: givenTokens(pinned, model),
    endId: readEnd(given.until, windows.strides > 0, model),
    signal: checkSignal(given.signal),
  };
}

/**
 * Checks what can be checked before a model is loaded: what is right for no model, or not for this one, is refused.
 * @param facts what is known of the model.
 * @throws OptionError.
 */
export function checkBeforeLoading(
  options: SamplerOptions,
  facts: { readonly kind?: ModelKind; readonly length?: number } = {},
): void {
  const { kind = modelKindFor(options.strategy), length = Number.MAX_SAFE_INTEGER } = facts;
  // A model that bounds nothing except what is known of it.
  const tokens = { vocabSize: 2, maskId: 1, bosId: 0, eosId: 0 };
  prepare(options, { kind, length, ...tokens, timeConditioning: false });
}

/** @returns the run with more pinned positions: a prompt's tokens, which are known when the run begins. */
export function withPinned(
  run: PreparedRun,
  more: ReadonlyMap<number, TokenId>,
  model: DenoiserModel,
): PreparedRun {
  const pinned = new Map([...more, ...run.pinned]);
  return { ...run, pinned, given: givenTokens(pinned, model) };
}

interface LoopOptions {
  readonly steps: unknown;
  readonly dense: boolean;
  readonly quirks: Quirks;
  readonly length: number;
  /** Tokens that a window moves on by; 0: there is one window. */
  readonly stride: number;
  readonly model: DenoiserModel;
}

/**
 * @returns the loop and its number of steps: for dfm of its own grid, for ar the tokens that are drawn.
 * @throws OptionError that says what does not go together with what.
 */
function loopOf(
  { definition, options }: PreparedStrategy,
  { steps, dense, quirks, length, stride, model }: LoopOptions,
): { readonly loop: LoopPlan; readonly steps: number } {
  const { kind } = definition;
  if (stride > 0 && definition.windows === false) {
    throw new OptionError("stride", stride, `undefined with the strategy ${kind}`);
  }
  if ("leftToRight" in definition) {
    checkBos(model);
    if (steps !== undefined) {
      throw new OptionError("steps", steps, "undefined (ar takes one step a token)");
    }
    return { loop: { kind: "leftToRight", parity: dense }, steps: drawnTokens(length, quirks) };
  }
  if (dense) {
    const { parity } = definition;
    if (parity === undefined) {
      throw new OptionError("strategy.kind", kind, "one that the original's code has, for `dense`");
    }
    const count = checkInteger("steps", steps === undefined ? length : steps, 1, MAX_STEPS);
    const own = "grid" in parity ? parity.grid?.(count) : undefined;
    const grid = own ?? (stride > 0 ? windowGrid(count) : evenGrid(count));
    return {
      loop: { kind: "parity", form: bindForm(parity, options), grid },
      steps: grid.steps.length,
    };
  }
  // A window's last time is 0, not 1e-5: nothing is left for the final noise removal there.
  const times = readTimes(steps, length, definition, stride > 0 ? 0 : undefined);
  const loop: LoopPlan =
    "select" in definition
      ? { kind: "askFirst", definition, options, times }
      : { kind: "drawFirst", plan: planOf(definition, options, times, quirks) };
  return { loop, steps: times.length - 1 };
}

/** @returns [T + 1] falling times. */
function readTimes(
  steps: unknown,
  length: number,
  { kind, times }: StrategyDefinition,
  end: number | undefined,
): Float64Array {
  if (Array.isArray(steps) || ArrayBuffer.isView(steps)) return checkTimes(steps);
  const count = checkInteger("steps", steps === undefined ? length : steps, 1, MAX_STEPS);
  if (times === undefined) return linearTimes(count, end);
  const own: unknown = times(count);
  if (own instanceof Float64Array && isFalling(own)) return own;
  throw new RemdmError(`The time grid of the strategy ${kind} does not fall from 1 to 0 or above`, {
    code: "strategy_invalid",
    remedy: "Let its times return a Float64Array of falling numbers that begins with 1.",
  });
}

function checkTimes(steps: unknown): Float64Array {
  const given = Array.from(steps as ArrayLike<unknown>);
  const times = Float64Array.from(given, (time) => (typeof time === "number" ? time : NaN));
  if (times.length - 1 <= MAX_STEPS && isFalling(times)) return times;
  const allowed =
    "a number of steps, or an array of two or more falling times from 1 to 0 or above";
  throw new OptionError("steps", steps, allowed);
}

function isFalling(times: Float64Array): boolean {
  const falls = times.every((time, i) => (i === 0 ? time === 1 : time < times[i - 1]));
  return falls && times.length >= 2 && times[times.length - 1] >= 0;
}

/** @returns whether to compute as the original does. */
function readExecutor(executor: unknown, kind: ModelKind): boolean {
  // Whether a d3pm row reveals depends on the whole row, and its last step changes revealed tokens.
  const allowed = kind === "d3pm" ? ["dense"] : ["events", "dense"];
  const chosen = executor === undefined ? allowed[0] : executor;
  if (typeof chosen === "string" && allowed.includes(chosen)) return chosen === "dense";
  const names = allowed.map((name) => JSON.stringify(name)).join(" or ");
  throw new OptionError("executor", executor, `${names} for a model of kind ${kind}`);
}

/** Whether a strategy draws from a nucleus: the original's predictors `ddpm` and `analytic` ignore its `nucleus_p`. */
export function hasNucleus({ nucleus = true }: StrategyDefinition, quirks: Quirks): boolean {
  return nucleus || quirks === "paper";
}

/** The first token is the begin-of-text one. The original forces the last to be it too, which its papers do not say. */
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

/** The dense form of `ar` is about PyTorch's block of Gumbel draws and nothing else. */
function noisesOf(
  definition: StrategyDefinition,
  dense: boolean,
): ["philox" | "torch", ..."philox"[]] {
  if (!dense) return ["philox"];
  return "leftToRight" in definition ? ["torch"] : ["torch", "philox"];
}

function readTopP(topP: unknown, definition: StrategyDefinition, quirks: Quirks): number {
  const has = hasNucleus(definition, quirks);
  if (topP === undefined) return has ? DEFAULT_TOP_P : 1;
  const mass = checkNumber("topP", topP, "a number in (0, 1]", (x) => x > 0 && x <= 1);
  if (mass === 1 || has) return mass;
  const why = `1 with the strategy ${definition.kind}: the original has no nucleus there (quirks: "paper" has)`;
  throw new OptionError("topP", mass, why);
}

function readWindows(
  stride: unknown,
  strides: unknown,
  length: number,
): { readonly stride: number; readonly strides: number } {
  if (stride === undefined && strides === undefined) return { stride: 0, strides: 0 };
  return {
    stride: checkInteger("stride", stride, 1, length - 1),
    strides: checkInteger("strides", strides, 1, MAX_STRIDES),
  };
}

function checkModel({ vocabSize, maskId, length }: DenoiserModel): void {
  const sound =
    Number.isSafeInteger(vocabSize) &&
    Number.isSafeInteger(maskId) &&
    Number.isSafeInteger(length) &&
    vocabSize >= 2 &&
    maskId >= 0 &&
    maskId < vocabSize &&
    length >= 1;
  if (sound) return;
  throw new RemdmError(
    `The denoiser's model has vocabSize ${vocabSize}, maskId ${maskId} and length ${length}`,
    {
      code: "denoiser_invalid",
      remedy: "A model needs a vocabulary of 2 or more with the mask in it, and a length.",
    },
  );
}

function readSeed(seed: unknown = 1): bigint {
  const exact = typeof seed === "number" && Number.isSafeInteger(seed) ? BigInt(seed) : seed;
  if (typeof exact === "bigint" && exact >= 0n && exact < SEED_LIMIT) return exact;
  throw new OptionError("seed", seed, "an integer in [0, 2^64), a bigint from 2^53 on");
}

/** Copies the map, so that later changes to the caller's do no harm. */
function readPinned(
  pinned: unknown,
  length: number,
  { kind, vocabSize, maskId, bosId }: DenoiserModel,
): ReadonlyMap<number, TokenId> {
  const copy = new Map<number, TokenId>();
  if (pinned === undefined) return copy;
  if (!isMapLike(pinned)) {
    throw new OptionError("pinned", pinned, "a Map from positions to token ids");
  }
  for (const [position, token] of pinned) {
    const at = checkInteger("pinned position", position, 0, length - 1);
    const allowed = `a token id in [0, ${vocabSize - 1}] other than the mask's, ${maskId}`;
    const holds = (id: number) =>
      Number.isSafeInteger(id) && id >= 0 && id < vocabSize && id !== maskId;
    copy.set(at, checkNumber(`pinned position ${at}`, token, allowed, holds));
  }
  if (kind === "ar") checkPrefix(copy, bosId);
  return copy;
}

function givenTokens(pinned: ReadonlyMap<number, TokenId>, { kind }: DenoiserModel): number {
  let count = kind === "ar" ? 1 : 0;
  while (pinned.has(count)) count++;
  return count;
}

/** @returns the token that is to end a text. */
function readEnd(
  until: unknown,
  semiAutoregressive: boolean,
  { eosId }: DenoiserModel,
): TokenId | undefined {
  const choices = semiAutoregressive ? (["end", "length"] as const) : (["length", "end"] as const);
  if (checkChoice("until", until, choices) === "length") return undefined;
  if (eosId !== undefined || until === undefined) return eosId;
  throw new OptionError("until", until, '"length": this model has no end-of-text token');
}

/** An `ar` model cannot know what comes later: only its beginning can be given. */
function checkPrefix(pinned: ReadonlyMap<number, TokenId>, bosId: TokenId | undefined): void {
  const first = pinned.get(0);
  if (first !== undefined && first !== bosId) {
    throw new OptionError("pinned position 0", first, `the begin-of-text token, ${String(bosId)}`);
  }
  const drawn = pinned.has(0) ? pinned.size : pinned.size + 1;
  for (const position of pinned.keys()) {
    if (position < drawn) continue;
    const allowed = "one of a beginning without gaps (an ar model goes from left to right)";
    throw new OptionError("pinned position", position, allowed);
  }
}

function isMapLike(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return isRecord(value) && typeof value.get === "function" && typeof value.entries === "function";
}
