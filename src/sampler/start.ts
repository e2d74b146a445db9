/**
 * Begins samples from a draft: the forward process of the log-linear schedule takes its tokens to a
 * time t0 < 1, and the run goes on from there (SDEdit, arXiv 2108.01073, with masks for noise).
 */
import { checkInteger, checkNumber, checkOptions, isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import type { NoiseSource } from "./draw/noise.ts";
import type { LoopPlan } from "./loopPlan.ts";
import { T_MIN } from "./schedule.ts";

export interface StartOptions {
  /** Positions of the draft that may change, and their tokens. */
  readonly tokens: ReadonlyMap<number, TokenId>;
  /** t0 in (1e-5, 1], at which the time grid begins. */
  readonly time: number;
}

/** Checks the option and copies its map. @throws OptionError. */
export function readStart(
  start: unknown,
  length: number,
  { vocabSize, maskId }: DenoiserModel,
): StartOptions | undefined {
  if (start === undefined) return undefined;
  const { tokens, time } = checkOptions("start", start, { tokens: true, time: true }, "start");
  if (!isRecord(tokens) || !(Symbol.iterator in tokens) || typeof tokens.get !== "function") {
    throw new OptionError("start.tokens", tokens, "a Map from positions to token ids");
  }
  const copy = new Map<number, TokenId>();
  for (const [position, token] of tokens as unknown as ReadonlyMap<unknown, unknown>) {
    const at = checkInteger("start position", position, 0, length - 1);
    const allowed = `a token id in [0, ${vocabSize - 1}] other than the mask's, ${maskId}`;
    const holds = (id: number) =>
      Number.isSafeInteger(id) && id >= 0 && id < vocabSize && id !== maskId;
    copy.set(at, checkNumber(`start position ${at}`, token, allowed, holds));
  }
  const isTime = (t: number) => t > T_MIN && t <= 1;
  return { tokens: copy, time: checkNumber("start.time", time, "a time in (1e-5, 1]", isTime) };
}

/** @throws OptionError for a run that cannot begin from a draft; it names what is against it. */
export function checkStart(
  start: StartOptions | undefined,
  kind: string,
  loop: LoopPlan,
  {
    stride,
    blockLength,
    model,
  }: {
    readonly stride: number;
    readonly blockLength: number | undefined;
    readonly model: DenoiserModel;
  },
): void {
  if (start === undefined) return;
  if (stride > 0) throw new OptionError("stride", stride, "undefined with start");
  // A network with blocks of its own does not see the draft right of a block.
  if (blockLength !== undefined && model.blockLength === undefined) {
    throw new OptionError("blockLength", blockLength, "undefined with start");
  }
  if (loop.kind === "leftToRight") {
    throw new OptionError("start", start, "undefined with an ar model");
  }
  if (loop.kind === "events") throw cannotBegin(kind, "it has no time grid");
  if (loop.kind !== "drawFirst" && loop.kind !== "askFirst") {
    throw new OptionError(
      "executor",
      "dense",
      '"events" with start: the original begins with masks',
    );
  }
  const readsDraws = loop.kind === "drawFirst" ? loop.plan.confidence : loop.readsState;
  if (!readsDraws) return;
  const why = "it remasks by the probability that a token had when it was drawn";
  throw cannotBegin(kind, why);
}

function cannotBegin(kind: string, why: string): OptionError {
  return new OptionError("strategy.kind", kind, {
    message: `The strategy ${kind} cannot begin from a draft: ${why}`,
    remedy: "Take another strategy, such as remdm-cap.",
  });
}

/** @throws OptionError for a position that is pinned too. */
export function checkApart(
  start: StartOptions | undefined,
  pinned: ReadonlyMap<number, TokenId>,
): void {
  const both = [...(start?.tokens.keys() ?? [])].find((position) => pinned.has(position));
  if (both === undefined) return;
  throw new OptionError("start position", both, "one that is not pinned");
}

/**
 * Puts the draft into a sample that begins: each token stays, or is masked with the chance
 * 1 - alpha(t0) = t0.
 * @param tokens [L] of the sample, which are changed.
 * @returns the positions that are masked, ascending.
 */
export function beginFrom(
  start: StartOptions,
  tokens: Int32Array,
  { steps, noise, sample }: { readonly steps: number; noise: NoiseSource; sample: number },
): number[] {
  const masked: number[] = [];
  for (const [position, token] of [...start.tokens].sort(([a], [b]) => a - b)) {
    // The final noise removal is step T.
    if (noise.position(sample, steps + 1, position) < start.time) masked.push(position);
    else tokens[position] = token;
  }
  return masked;
}
