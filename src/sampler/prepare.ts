/**
 * Checks every option of a run before anything starts, and fills in the defaults: once for each
 * run.
 */
import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import { counted, described } from "../foundation/messages.ts";
import { checkGuided, readAdjustments, type Adjustments } from "./adjustments.ts";
import { firstBlockOf, longestText, readBlockLength } from "./blocks.ts";
import type { StrategyDefinition } from "./definition.ts";
import { defaultLength, type DenoiserModel, type ModelKind, type TokenId } from "./denoiser.ts";
import { SAMPLE_LIMIT } from "./draw/noise.ts";
import type { SamplerOptions } from "./events.ts";
import { readGuide, type PreparedGuide } from "./guide.ts";
import {
  followsOriginal,
  followsPublished,
  isDense,
  loopOf,
  readExecutor,
  type LoopPlan,
} from "./loopPlan.ts";
import { isDreams } from "./loops/parity/publishedRule.ts";
import { givenTokens, readPinned } from "./pinned.ts";
import type { Quirks } from "./quirks.ts";
import { checkApart, checkStart, readStart, type StartOptions } from "./start.ts";
import { findStrategy, modelKindFor, takesSteps } from "./strategies/find.ts";

const SEED_LIMIT = 2n ** 64n;
const MAX_STRIDES = 1_000_000;

/**
 * The most tokens of all texts that a run holds at once, masks included: 4,096 texts of 1,024. An
 * ask-first strategy then takes 1.7 GB. More is taken for a mistake.
 */
export const MAX_HELD_TOKENS = 2 ** 22;

/** Sequences of a forward call, where the caller says nothing. */
const DEFAULT_BATCH = 16;

/** Nucleus mass of a strategy that has a nucleus, where the caller gives none: the paper's. */
export const DEFAULT_TOP_P = 0.9;

/** {@link SamplerOptions} with every value filled in. Every layer receives it. */
export interface PreparedRun extends Adjustments {
  /** The kind of the strategy and all of its options. */
  readonly strategy: { readonly kind: string; readonly [option: string]: unknown };
  readonly loop: LoopPlan;
  /**
   * Steps of the time grid; dfm has a grid of its own, ar one step for each token that is drawn. Of
   * an untimed strategy (`threshold`, ...) it is an upper bound: the most steps that there can be.
   * In continuous time there are no steps, and this is `length`.
   */
  readonly steps: number;
  readonly topP: number;
  readonly temperature: number;
  /** undefined: all tokens. */
  readonly topK: number | undefined;
  readonly samples: number;
  readonly firstSample: number;
  readonly batchSize: number;
  /** Most states of a sample that a call is about; 1 where each call waits for the one before. */
  readonly window: number | "auto";
  readonly length: number;
  readonly seed: bigint;
  readonly noise: "philox" | "torch";
  readonly quirks: Quirks;
  readonly pinned: ReadonlyMap<number, TokenId>;
  /** The draft that samples begin with; undefined: they begin with masks. */
  readonly start: StartOptions | undefined;
  /** Tokens that a window moves on by, and how often: 0 and 0 unless semi-autoregressive. */
  readonly stride: number;
  readonly strides: number;
  /** Tokens of a block; undefined: the text is generated as a whole. */
  readonly blockLength: number | undefined;
  /** Number of blocks or windows; each takes all steps. */
  readonly parts: number;
  /**
   * Number of first tokens of a text that are given: a prompt, and the token that begins an `ar`
   * text.
   */
  readonly given: number;
  /** Where the first block begins; 0 where there are no blocks. */
  readonly firstBlock: number;
  /** Tokens before the first of which a text ends; none: it ends with its length. */
  readonly endIds: readonly TokenId[];
  /** What steers the run; undefined: nothing. */
  readonly guide: PreparedGuide | undefined;
  readonly signal: AbortSignal | undefined;
}

const KNOWN: Readonly<Record<keyof SamplerOptions, true>> = {
  strategy: true,
  steps: true,
  topP: true,
  temperature: true,
  topK: true,
  banned: true,
  suppressed: true,
  guidance: true,
  samples: true,
  firstSample: true,
  batchSize: true,
  window: true,
  length: true,
  seed: true,
  pinned: true,
  executor: true,
  noise: true,
  quirks: true,
  stride: true,
  strides: true,
  blockLength: true,
  until: true,
  start: true,
  guide: true,
  signal: true,
};

/**
 * Prepares a run: parses every option, the strategy's options too, and compiles its steps.
 * @param options of any origin: untyped callers get the same errors.
 * @throws OptionError that names the option, its value and what is allowed.
 * @throws RemdmError `denoiser_invalid` when the model contradicts itself; `strategy_invalid` when
 *   the strategy does.
 */
export function prepare(options: SamplerOptions, model: DenoiserModel): PreparedRun {
  const run = prepareBeforePrompt(options, model);
  checkGuided(run);
  return run;
}

/** Does what {@link prepare} does for a run to which {@link withPinned} may add a prompt. */
export function prepareBeforePrompt(options: SamplerOptions, model: DenoiserModel): PreparedRun {
  checkModel(model);
  const given = checkOptions("a sampler", options, KNOWN);
  const { samples = 1, firstSample = 0, length = defaultLength(model) } = given;
  const count = checkInteger("samples", samples, 1, SAMPLE_LIMIT);
  const L = checkInteger("length", length, model.kind === "ar" ? 2 : 1, longestText(model));
  const { kind = "mdlm" } = model;
  const strategy = findStrategy(given.strategy, kind);
  checkJudges(strategy.definition, model);
  const dense = readExecutor(given.executor, kind);
  const noise = checkChoice("noise", given.noise, noisesOf(strategy.definition, dense, model));
  const quirks = checkChoice("quirks", given.quirks, dense ? ["original"] : ["original", "paper"]);
  const windows = readWindows(given, L, model);
  const pinned = readPinned(given.pinned, L, model);
  const start = readStart(given.start, L, model);
  checkApart(start, pinned);
  const { loop, steps } = loopOf(strategy, {
    steps: given.steps,
    begin: start?.time ?? 1,
    dense,
    quirks,
    length: L,
    ...windows,
    model,
  });
  checkStart(start, strategy.definition.kind, loop, { ...windows, model });
  const guide = readGuide(given.guide, {
    steps,
    refusal: refusalOfGuide(loop, windows.stride),
  });
  const particles = guide?.particles ?? 1;
  const window = readWindow(given.window, loop);
  const { batchSize = Math.max(DEFAULT_BATCH, window === "auto" ? 1 : window) } = given;
  const limit = Math.floor(SAMPLE_LIMIT / particles);
  const batch = checkInteger("batchSize", batchSize, 1, Number.MAX_SAFE_INTEGER);
  checkHeld(L, windows, particles, Math.min(batch, count * particles));
  return {
    strategy: { kind: strategy.definition.kind, ...strategy.options },
    loop,
    steps,
    topP: readTopP(given.topP, strategy.definition, { quirks, loop }),
    temperature: readTemperature(given.temperature, loop),
    topK: readTopK(given.topK, loop),
    ...readAdjustments(given, model, loop),
    samples: checkInteger("samples", count, 1, limit),
    // PyTorch's stream can only begin with its first sample.
    firstSample: checkInteger("firstSample", firstSample, 0, noise === "torch" ? 0 : limit - count),
    batchSize: batch,
    window,
    length: L,
    seed: readSeed(given.seed),
    noise,
    quirks,
    pinned,
    start,
    ...windows,
    ...placesOf({ ...windows, length: L }, pinned, model),
    endIds: readEnd(given.until, windows.strides > 0, model),
    guide,
    signal: checkSignal(given.signal),
  };
}

/**
 * Checks what can be checked before a model is loaded: refuses options that no model allows, or not
 * this one.
 * @param facts what is known of the model; `prompted`: whether a prompt comes later.
 * @returns the run, of a model that stands in for the one to be loaded.
 * @throws OptionError.
 */
export function checkBeforeLoading(
  options: SamplerOptions,
  facts: {
    readonly kind?: ModelKind;
    readonly length?: number;
    readonly blockLength?: number;
    readonly prompted?: boolean;
  } = {},
): PreparedRun {
  const { kind = modelKindFor(options.strategy), length = Number.MAX_SAFE_INTEGER } = facts;
  const { blockLength } = facts;
  // This model stands in for the one to be loaded and has only the known bounds. One step for each
  // of its tokens would be too many.
  const tokens = { vocabSize: 2 ** 31, maskId: 2 ** 31 - 1, bosId: 0, eosId: 0 };
  const isUnknown = facts.length === undefined && options.length === undefined;
  const isOpen = isUnknown && kind !== "ar";
  const lacksSteps = options.steps === undefined && isOpen && takesSteps(options.strategy);
  const steps = lacksSteps ? 1 : options.steps;
  const prepared = facts.prompted === true ? prepareBeforePrompt : prepare;
  return prepared(
    { ...options, ...(steps !== undefined && { steps }), ...(isUnknown && { length }) },
    {
      kind,
      length,
      ...(blockLength !== undefined && { blockLength }),
      ...tokens,
      timeConditioning: false,
    },
  );
}

/**
 * Returns the run with more pinned positions: a prompt's tokens, which are known when the run
 * begins.
 * @throws OptionError for a token that the model does not have; for guidance where nothing is
 *   pinned.
 */
export function withPinned(
  run: PreparedRun,
  more: ReadonlyMap<number, TokenId>,
  model: DenoiserModel,
): PreparedRun {
  const pinned = readPinned(new Map([...more, ...run.pinned]), run.length, model);
  checkGuided({ ...run, pinned });
  checkApart(run.start, pinned);
  return { ...run, pinned, ...placesOf(run, pinned, model) };
}

/** Counts the first tokens that are given, and the parts in which the others are generated. */
function placesOf(
  { length, strides, blockLength }: Pick<PreparedRun, "length" | "strides" | "blockLength">,
  pinned: ReadonlyMap<number, TokenId>,
  model: DenoiserModel,
): Pick<PreparedRun, "given" | "firstBlock" | "parts"> {
  const given = givenTokens(pinned, model);
  const firstBlock = firstBlockOf(given, blockLength, model.blockLength);
  if (blockLength === undefined) return { given, firstBlock, parts: strides + 1 };
  const parts = Math.max(1, Math.ceil((length - firstBlock) / blockLength));
  return { given, firstBlock, parts };
}

/**
 * Tells whether a strategy draws from a nucleus: the original's predictors `ddpm` and `analytic`
 * ignore its `nucleus_p`.
 */
export function hasNucleus({ nucleus = true }: StrategyDefinition, quirks: Quirks): boolean {
  return nucleus || quirks === "paper";
}

/** Says why a run takes no guide; undefined: it takes one. */
function refusalOfGuide(loop: LoopPlan, stride: number): string | undefined {
  if (loop.kind === "leftToRight") return "undefined with an ar model";
  if (isDense(loop)) return "undefined with the executor dense: the published code has none";
  return stride > 0 ? "undefined with stride: a reward judges the text of one window" : undefined;
}

/** Refuses a strategy that reads what this network was never trained to say. */
function checkJudges(definition: StrategyDefinition, { judgesRevealed = false }: DenoiserModel) {
  const needed = "judgesRevealed" in definition ? (definition.judgesRevealed ?? false) : false;
  if (!needed || judgesRevealed) return;
  const { kind } = definition;
  throw new OptionError("strategy.kind", kind, {
    message: `The strategy ${kind} needs another network: this one was not trained to judge revealed tokens, which SUBS copies`,
    remedy: "Use p2, which remasks by the scores of all positions, or threshold.",
  });
}

/**
 * Lists the noises that a strategy may use. The parity loop of `ar` repeats PyTorch's block of
 * Gumbel draws and has no other noise.
 */
function noisesOf(
  definition: StrategyDefinition,
  dense: boolean,
  { blockLength }: DenoiserModel,
): ["philox" | "torch", ..."philox"[]] {
  if (!dense) return ["philox"];
  const isBlocks = blockLength !== undefined;
  const isTorch = isBlocks || "leftToRight" in definition || followsPublished(definition);
  return isTorch ? ["torch"] : ["torch", "philox"];
}

function readWindow(window: unknown, loop: LoopPlan): number | "auto" {
  const waits = loop.kind === "leftToRight" || isDense(loop);
  if (window === undefined || window === "auto") return waits ? 1 : "auto";
  if (typeof window !== "number") throw new OptionError("window", window, 'a number or "auto"');
  const states = checkInteger("window", window, 1, Number.MAX_SAFE_INTEGER);
  if (!waits || states === 1) return states;
  const why = loop.kind === "leftToRight" ? "an ar model" : "the executor dense";
  throw new OptionError("window", states, `1 with ${why}, in which each call waits for the last`);
}

function readTopP(
  topP: unknown,
  definition: StrategyDefinition,
  { quirks, loop }: { readonly quirks: Quirks; readonly loop: LoopPlan },
): number {
  const isPublished = loop.kind === "published";
  const has = hasNucleus(definition, quirks) && !isPublished;
  if (topP === undefined) return has ? DEFAULT_TOP_P : 1;
  const mass = checkNumber("topP", topP, "a number in (0, 1]", (x) => x > 0 && x <= 1);
  if (mass === 1 || has) return mass;
  const why = isPublished
    ? "1 with the executor dense: LLaDA's published code has no nucleus, and Dream's is not followed"
    : `1 with the strategy ${definition.kind}: the original has no nucleus there (quirks: "paper" has)`;
  throw new OptionError("topP", mass, why);
}

function readTemperature(temperature: unknown, loop: LoopPlan): number {
  const only = onlyTemperature(loop);
  const allowed = "a number in [0, Infinity)";
  const value = checkNumber(
    "temperature",
    temperature === undefined ? (only?.value ?? 1) : temperature,
    allowed,
    (x) => x >= 0 && x < Infinity,
  );
  if (only === undefined || value === only.value) return value;
  throw new OptionError("temperature", value, `${only.value} with the executor dense: ${only.why}`);
}

/** Returns the one temperature that a dense loop has; undefined: any. */
function onlyTemperature(loop: LoopPlan): { value: number; why: string } | undefined {
  if (followsOriginal(loop)) return { value: 1, why: "the original has none" };
  if (loop.kind !== "published") return undefined;
  if (loop.rule.order === "remdm") return { value: 1, why: "ReMDM-LLaDA has none" };
  // Above, Dream draws by torch.multinomial, whose noise depends on the machine.
  return isDreams(loop.rule) ? { value: 0, why: "Dream's draws are not followed" } : undefined;
}

function readTopK(topK: unknown, loop: LoopPlan): number | undefined {
  if (topK === undefined) return undefined;
  const value = checkInteger("topK", topK, 1, Number.MAX_SAFE_INTEGER);
  if (loop.kind === "published" ? isDreams(loop.rule) : !followsOriginal(loop)) return value;
  const whose = loop.kind === "published" ? "LLaDA" : "the original";
  throw new OptionError("topK", value, `undefined with the executor dense: ${whose} has none`);
}

function readWindows(
  { stride, strides, blockLength }: Pick<SamplerOptions, "stride" | "strides" | "blockLength">,
  length: number,
  model: DenoiserModel,
): Pick<PreparedRun, "stride" | "strides" | "blockLength"> {
  const block = readBlockLength(blockLength, length, model.blockLength);
  if (stride === undefined && strides === undefined) {
    return { stride: 0, strides: 0, blockLength: block };
  }
  if (model.blockLength !== undefined) {
    throw new OptionError("stride", stride ?? strides, {
      allowed: "undefined with a model that has blocks of its own",
      remedy: "Raise `length`: such a text goes on block by block, as long as you like.",
    });
  }
  if (block !== undefined) {
    throw new OptionError("blockLength", block, "undefined with stride: a window has no blocks");
  }
  return {
    stride: checkInteger("stride", stride, 1, length - 1),
    strides: checkInteger("strides", strides, 1, MAX_STRIDES),
    blockLength: undefined,
  };
}

/**
 * Refuses a run whose texts do not fit into memory, before any is made.
 * @param together texts of a batch; the particles of a sample are held together, whatever the
 *   batch.
 */
function checkHeld(
  length: number,
  { stride, strides }: { readonly stride: number; readonly strides: number },
  particles: number,
  together: number,
): void {
  if (length > MAX_HELD_TOKENS) return; // stands for a length that is not known yet
  const text = length + stride * strides;
  const most = Math.floor(MAX_HELD_TOKENS / text);
  if (most >= Math.max(particles, together)) return;
  const refuse = (option: string, value: number, texts: number, fits: number): OptionError =>
    new OptionError(option, value, {
      message: `${option} of ${value} takes ${counted(texts, "text")} of ${text} tokens at once, and there is room for ${MAX_HELD_TOKENS} tokens`,
      remedy: `Set ${option} to ${fits} or less.`,
    });
  if (most === 0) {
    throw refuse("strides", strides, 1, Math.floor((MAX_HELD_TOKENS - length) / stride));
  }
  if (particles > most) throw refuse("guide.particles", particles, particles, most);
  throw refuse("batchSize", together, together, most);
}

function checkModel(model: unknown): asserts model is DenoiserModel {
  const { vocabSize, maskId, length } = isRecord(model) ? model : {};
  const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);
  const sound =
    isInteger(vocabSize) &&
    isInteger(maskId) &&
    isInteger(length) &&
    vocabSize >= 2 &&
    maskId >= 0 &&
    maskId < vocabSize &&
    length >= 1;
  if (sound) return;
  const [size, mask, longest] = [vocabSize, maskId, length].map(described);
  throw new RemdmError(
    `The denoiser's model has vocabSize ${size}, maskId ${mask} and length ${longest}`,
    {
      code: "denoiser_invalid",
      remedy: "A model needs a vocabulary of 2 or more with the mask in it, and a length.",
    },
  );
}

/** Checks a seed. @throws OptionError. */
export function readSeed(seed: unknown = 1): bigint {
  const exact = typeof seed === "number" && Number.isSafeInteger(seed) ? BigInt(seed) : seed;
  if (typeof exact === "bigint" && exact >= 0n && exact < SEED_LIMIT) return exact;
  throw new OptionError("seed", seed, "an integer in [0, 2^64), a bigint from 2^53 on");
}

/** Returns the tokens that are to end a text. */
function readEnd(
  until: unknown,
  semiAutoregressive: boolean,
  { eosId }: DenoiserModel,
): readonly TokenId[] {
  const choices = semiAutoregressive ? (["end", "length"] as const) : (["length", "end"] as const);
  if (checkChoice("until", until, choices) === "length") return [];
  if (eosId !== undefined) return [eosId];
  if (until === undefined) return [];
  throw new OptionError("until", until, '"length": this model has no end-of-text token');
}
