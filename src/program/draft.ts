/** Lays out a draft that is to be edited: which of its tokens are suspect, and which are kept. */
import { checkInteger, checkNumber, checkOptions, isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { counted } from "../foundation/messages.ts";
import { longestText } from "../sampler/blocks.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import { PhiloxNoise } from "../sampler/draw/noise.ts";
import { T_MIN } from "../sampler/schedule.ts";
import { TextPieces } from "../tokenizer/pieces.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { encodePiece } from "./encodePiece.ts";

/** Characters of a text, counted as `String.slice` counts them: those in [from, to). */
export interface CharacterRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The tokens of a draft that may change: a share of all tokens in (0, 1], drawn by the seed, at
 * least one; or positions of tokens, and ranges of characters, of which every token is suspect that
 * has a part in one.
 */
export type Suspect = number | readonly (number | CharacterRange)[];

export interface DraftLayout {
  /** The tokens that may change, by their positions. */
  readonly suspect: ReadonlyMap<number, TokenId>;
  /** The tokens that stay. */
  readonly pinned: ReadonlyMap<number, TokenId>;
  readonly length: number;
}

/** Checks what can be checked before the draft is encoded. @throws OptionError. */
export function checkDraft(draft: unknown, suspect: unknown, t0: unknown): void {
  checkNumber("t0", t0, "a time in (1e-5, 1]", (t) => t > T_MIN && t <= 1);
  if (typeof draft !== "string" || draft === "") {
    throw new OptionError("draft", draft, "a text that is not empty");
  }
  if (typeof suspect === "number") {
    checkNumber("suspect", suspect, "a share in (0, 1]", (x) => x > 0 && x <= 1);
    return;
  }
  if (!Array.isArray(suspect) || suspect.length === 0) {
    const allowed = "a share in (0, 1], or an array of token positions and { from, to }";
    throw new OptionError("suspect", suspect, allowed);
  }
  for (const one of suspect as readonly unknown[]) {
    if (!isRecord(one)) {
      checkInteger("suspect position", one, 0, Number.MAX_SAFE_INTEGER);
      continue;
    }
    const { from, to } = checkOptions("suspect", one, { from: true, to: true }, "suspect");
    const begin = checkInteger("suspect.from", from, 0, draft.length - 1);
    checkInteger("suspect.to", to, begin + 1, draft.length);
  }
}

/**
 * Encodes a draft.
 * @param seed of the run, which draws a share.
 * @throws OptionError for a draft that is too long, writes the mask, or does not come back from its
 *   tokens as it is, and for a position beyond it; TokenizerError `tokenizer_unknown`.
 */
export async function layOutDraft(
  draft: string,
  suspect: Suspect,
  { tokenizer, model, seed }: { tokenizer: Tokenizer; model: DenoiserModel; seed: bigint },
): Promise<DraftLayout> {
  const tokens = await encodePiece("draft", draft, false, tokenizer, model.maskId);
  const { length } = tokens;
  const most = longestText(model);
  if (length > most) {
    throw new OptionError("draft", draft, {
      message: `The draft has ${counted(length, "token")}; the model takes at most ${most}`,
      remedy: "Shorten the draft.",
    });
  }
  const positions = new Set(
    typeof suspect === "number"
      ? drawnShare(suspect, length, seed)
      : suspect.flatMap((one) =>
          typeof one === "number"
            ? [checkInteger("suspect position", one, 0, length - 1)]
            : within(one, tokens, tokenizer, model),
        ),
  );
  const all = [...tokens.entries()];
  return {
    suspect: new Map(all.filter(([position]) => positions.has(position))),
    pinned: new Map(all.filter(([position]) => !positions.has(position))),
    length,
  };
}

/** Draws the positions with the smallest noise. */
function drawnShare(share: number, length: number, seed: bigint): number[] {
  const noise = new PhiloxNoise(seed);
  const order = Array.from({ length }, (_, position) => position)
    .map((position) => ({ position, u: noise.position(0, SHARE_STEP, position) }))
    .sort((a, b) => a.u - b.u);
  return order.slice(0, Math.max(1, Math.round(share * length))).map(({ position }) => position);
}

/** The address of what draws a share: a step that no run reaches. */
const SHARE_STEP = 2 ** 32 - 1;

/** Lists the tokens that have a part in a range; a character's bytes may lie in several. */
function within(
  { from, to }: CharacterRange,
  tokens: readonly TokenId[],
  tokenizer: Tokenizer,
  { maskId }: DenoiserModel,
): number[] {
  const pieces = new TextPieces(tokenizer, { maskId }).of(tokens);
  const found: number[] = [];
  let begin = 0;
  let first = 0; // of the tokens that make the character at hand
  pieces.forEach((piece, position) => {
    if (piece === "") return;
    const end = begin + piece.length;
    if (begin < to && from < end) {
      for (let at = first; at <= position; at++) found.push(at);
    }
    begin = end;
    first = position + 1;
  });
  return found;
}
