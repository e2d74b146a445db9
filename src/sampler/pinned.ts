/**
 * Reads the positions of a text that are given: a prompt, the tokens around an infilling, and the
 * token that begins an `ar` text.
 */
import { checkInteger, checkNumber, isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { DenoiserModel, TokenId } from "./denoiser.ts";

/** Checks the map and copies it, so that later changes to the caller's map do no harm. */
export function readPinned(
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

/** Counts the first tokens of a text that are given. */
export function givenTokens(pinned: ReadonlyMap<number, TokenId>, { kind }: DenoiserModel): number {
  let count = kind === "ar" ? 1 : 0;
  while (pinned.has(count)) count++;
  return count;
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
