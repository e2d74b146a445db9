/** Checks everything that a caller asks for before anything runs, and fills in the defaults. */
import {
  checkChoice,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  isRecord,
} from "../foundation/checks.ts";
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import type { SamplerOptions } from "./events.ts";
import { hasNucleus, methodOf, readExecutor, readStrategy, type Method } from "./method.ts";
import { SAMPLE_LIMIT } from "./draw/noise.ts";
import type { Compat, Strategy } from "./strategy.ts";

const SEED_LIMIT = 2n ** 64n;
const MAX_STRIDES = 1_000_000;

/** {@link SamplerOptions} with everything said. */
export interface ResolvedOptions {
  readonly method: Method;
  /** Steps of the time grid: for dfm of its own, for ar the tokens that are drawn. */
  readonly steps: number;
  readonly topP: number;
  readonly samples: number;
  readonly firstSample: number;
  readonly batchSize: number;
  readonly length: number;
  readonly seed: bigint;
  readonly noise: "philox" | "torch";
  readonly compat: Compat;
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
  compat: true,
  stride: true,
  strides: true,
  until: true,
  signal: true,
};

/**
 * @param options of any origin: untyped callers get the same errors.
 * @throws OptionError that names the option, its value and what is allowed.
 * @throws RemdmError `denoiser_invalid` when the model contradicts itself.
 */
export function resolveOptions(options: SamplerOptions, model: DenoiserModel): ResolvedOptions {
  checkModel(model);
  const given = checkOptions("a sampler", options, KNOWN);
  const { samples = 1, firstSample = 0, topP = 1, length = model.length } = given;
  const count = checkInteger("samples", samples, 1, SAMPLE_LIMIT);
  const L = checkInteger("length", length, model.kind === "ar" ? 2 : 1, model.length);
  const { batchSize = Math.min(count, 16) } = given;
  const strategy = readStrategy(given.strategy, model);
  const dense = readExecutor(given.executor, model);
  const noise = checkChoice("noise", given.noise, noisesOf(strategy, dense));
  const compat = checkChoice("compat", given.compat, dense ? ["remdm"] : ["remdm", "paper"]);
  const windows = readWindows(given.stride, given.strides, L);
  const pinned = readPinned(given.pinned, L, model);
  return {
    ...methodOf(
      {
        strategy,
        steps: given.steps,
        dense,
        compat,
        length: L,
        stride: windows.stride,
      },
      model,
    ),
    topP: readTopP(topP, strategy, compat),
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
    compat,
    pinned,
    ...windows,
    given: givenTokens(pinned, model),
    endId: readEnd(given.until, windows.strides > 0, model),
    signal: checkSignal(given.signal),
  };
}

/** The dense form of `ar` is about PyTorch's block of Gumbel draws and nothing else. */
function noisesOf({ kind }: Strategy, dense: boolean): ["philox" | "torch", ..."philox"[]] {
  if (!dense) return ["philox"];
  return kind === "ar" ? ["torch"] : ["torch", "philox"];
}

function readTopP(topP: unknown, strategy: Strategy, compat: Compat): number {
  const mass = checkNumber("topP", topP, "a number in (0, 1]", (x) => x > 0 && x <= 1);
  if (mass === 1 || hasNucleus(strategy, compat)) return mass;
  const why = `1 with the strategy ${strategy.kind}: the original has no nucleus there (compat: "paper" has)`;
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
