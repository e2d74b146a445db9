/** Pins the tokens of a prompt at the beginning of every sample. */
import { isRecord } from "../foundation/checks.ts";
import { checkAdjustable } from "../sampler/adjustments.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import { OptionError } from "../foundation/errors.ts";
import type { SamplerOptions } from "../sampler/events.ts";
import { prepare, prepareBeforePrompt, withPinned, type PreparedRun } from "../sampler/prepare.ts";
import { unknownError } from "../tokenizer/errors.ts";
import type { Tokenizer, UnknownPiece } from "../tokenizer/tokenizer.ts";
import { idsAlone, type NamedTokens } from "./tokenNames.ts";

/** Options of a run, in which texts may stand for tokens. */
interface PromptedOptions extends Omit<SamplerOptions, keyof NamedTokens>, NamedTokens {
  readonly prompt?: unknown;
}

/** A run without what depends on the tokens of texts. */
export interface NamedRun {
  readonly run: PreparedRun;
  /** Tokens as the caller named them; `run` has those that were named by ids. */
  readonly names: NamedTokens;
}

/** A run whose prompt is still a text. */
export interface PromptedRun extends NamedRun {
  readonly prompt: string | undefined;
}

/**
 * Prepares a run, except for what depends on the tokens of texts.
 * @throws OptionError for every option except these texts.
 */
export function preparePrompted(given: PromptedOptions, model: DenoiserModel): PromptedRun {
  const untyped: unknown = given;
  if (!isRecord(untyped)) throw new OptionError("options", given, "an object");
  const { prompt, ...options } = given;
  if (prompt !== undefined && typeof prompt !== "string") {
    throw new OptionError("prompt", prompt, "a text");
  }
  const prepared = prompt === undefined ? prepare : prepareBeforePrompt;
  return { ...prepareNamed(options, model, prepared), prompt };
}

/**
 * Prepares a run to which a prompt is added when its tokens are known.
 * @throws OptionError for every option, except for tokens that are named by texts.
 */
export function prepareNamed(
  { banned, suppressed, ...options }: Omit<PromptedOptions, "prompt">,
  model: DenoiserModel,
  prepared = prepareBeforePrompt,
): NamedRun {
  const names = { banned, suppressed };
  const run = prepared({ ...options, ...idsAlone(names) }, model);
  checkAdjustable(names, run.loop);
  return { run, names };
}

/**
 * Pins the prompt's tokens. A mask that is written in the prompt leaves its position free.
 * @throws OptionError when the prompt is too long or meets a pinned position; TokenizerError
 *   `tokenizer_unknown` when the tokenizer does not know all of it.
 */
export async function pinPrompt(
  { run, prompt }: PromptedRun,
  tokenizer: Tokenizer,
  model: DenoiserModel,
): Promise<PreparedRun> {
  if (prompt === undefined) return run;
  const { length, pinned } = run;
  const unknown: UnknownPiece[] = [];
  const tokens = Array.from(
    await tokenizer.encode(prompt, { onUnknown: (piece) => unknown.push(piece) }),
  );
  if (unknown.length > 0) throw unknownError(tokenizer.name, unknown[0]);
  // An ar model's first token is the one that begins every text.
  const first = model.kind === "ar" ? 1 : 0;
  if (tokens.length > length - first) {
    throw new OptionError("prompt", prompt, {
      allowed: `a text of at most ${length - first} tokens (this one has ${tokens.length})`,
      remedy: "Shorten the prompt, or raise `length` up to the model's.",
    });
  }
  const isFree = (token: TokenId): boolean => token === model.maskId;
  if (model.kind === "ar" && tokens.some(isFree)) {
    throw new OptionError("prompt", prompt, {
      allowed: "a text without a mask: an ar model goes from left to right",
      remedy: "Leave the mask out of the prompt, or take a masked model.",
    });
  }
  const meeting = tokens.findIndex((token, at) => !isFree(token) && pinned.has(first + at));
  if (meeting >= 0) {
    const allowed = `beyond the prompt, which takes the ${tokens.length} positions from ${first} on`;
    throw new OptionError("pinned position", first + meeting, allowed);
  }
  const prompted = tokens.map((token, position) => [first + position, token] as const);
  return withPinned(run, new Map(prompted.filter(([, token]) => !isFree(token))), model);
}
