/** Checks everything that a caller asks for before anything runs, and fills in the defaults. */
import { checkInteger, checkKeys, checkNumber, isRecord } from "./checks.ts";
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import { OptionError, RemdmError } from "./errors.ts";
import type { SamplerOptions } from "./events.ts";
import { SAMPLE_LIMIT } from "./noise.ts";
import { compilePlan, type Plan } from "./plan.ts";

/** The plan of a run is held in memory, 24 bytes a step; more steps than this is a slip of the hand. */
const MAX_STEPS = 1_000_000;
const SEED_LIMIT = 2n ** 64n;

/** {@link SamplerOptions} with everything said. */
export interface ResolvedOptions {
  readonly plan: Plan;
  readonly topP: number;
  readonly samples: number;
  readonly firstSample: number;
  readonly batchSize: number;
  readonly length: number;
  readonly seed: bigint;
  readonly pinned: ReadonlyMap<number, TokenId>;
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
  signal: true,
};

/**
 * @param options of any origin: untyped callers get the same errors.
 * @throws OptionError that names the option, its value and what is allowed.
 * @throws RemdmError `denoiser_invalid` when the model contradicts itself.
 */
export function resolveOptions(options: SamplerOptions, model: DenoiserModel): ResolvedOptions {
  checkModel(model);
  const given: unknown = options;
  if (!isRecord(given)) throw new OptionError("options", given, "an object");
  checkKeys("", "a sampler", given, Object.keys(KNOWN));
  const { samples = 1, firstSample = 0, topP = 1, length = model.length } = given;
  const steps = checkInteger("steps", given.steps, 1, MAX_STEPS);
  const count = checkInteger("samples", samples, 1, SAMPLE_LIMIT);
  const L = checkInteger("length", length, 1, model.length);
  const { batchSize = Math.min(count, 16) } = given;
  return {
    plan: compilePlan(options.strategy, steps),
    topP: checkNumber("topP", topP, "a number in (0, 1]", (x) => x > 0 && x <= 1),
    samples: count,
    firstSample: checkInteger("firstSample", firstSample, 0, SAMPLE_LIMIT - count),
    batchSize: checkInteger("batchSize", batchSize, 1, Number.MAX_SAFE_INTEGER),
    length: L,
    seed: readSeed(given.seed),
    pinned: readPinned(given.pinned, L, model),
    signal: readSignal(given.signal),
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
  { vocabSize, maskId }: DenoiserModel,
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
    copy.set(at, checkNumber(`pinned.get(${at})`, token, allowed, holds));
  }
  return copy;
}

function isMapLike(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return isRecord(value) && typeof value.get === "function" && typeof value.entries === "function";
}

function readSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || isSignal(signal)) return signal;
  throw new OptionError("signal", signal, "an AbortSignal");
}

function isSignal(value: unknown): value is AbortSignal {
  return (
    isRecord(value) &&
    typeof value.aborted === "boolean" &&
    typeof value.addEventListener === "function"
  );
}
