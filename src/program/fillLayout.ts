/** Lays out a text with gaps in tokens: which positions hold the text, and which are gaps. */
import { OptionError } from "../foundation/errors.ts";
import { counted } from "../foundation/messages.ts";
import { longestText } from "../sampler/blocks.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { encodePiece } from "./encodePiece.ts";
import type { FillPart } from "./fillText.ts";
import type { Gap, GappedText } from "./gapTexts.ts";

export interface FillLayout extends GappedText {
  /** Tokens of the text and of all gaps. */
  readonly length: number;
  /** The tokens around the gaps, by their positions. */
  readonly pinned: ReadonlyMap<number, TokenId>;
}

/**
 * Encodes the text around the gaps, piece by piece.
 * @param parts of `readFillText`.
 * @throws OptionError for a text that has more tokens than the model takes or writes its mask, and
 *   for a piece that the tokenizer does not give back as it stands beside a gap; TokenizerError
 *   `tokenizer_unknown` for a piece that it does not know.
 */
export async function layOut(
  parts: readonly FillPart[],
  tokenizer: Tokenizer,
  model: DenoiserModel,
): Promise<FillLayout> {
  const { maskId, kind } = model;
  const most = longestText(model);
  if (kind === "ar") {
    throw new OptionError("text", parts, {
      message: "An ar model fills no gaps: it goes from left to right",
      remedy: "Take a masked model, or give `sample` a prompt.",
    });
  }
  const pinned = new Map<number, TokenId>();
  const gaps: Gap[] = [];
  let length = 0;
  for (const [i, part] of parts.entries()) {
    if (typeof part === "number") {
      const after = textAt(parts, i + 1);
      gaps.push({ begin: length, end: length + part, after });
      length += part;
      continue;
    }
    const tokens = await encodePiece("text", part, i > 0, tokenizer, maskId);
    tokens.forEach((token, at) => pinned.set(length + at, token));
    length += tokens.length;
  }
  if (length <= most) return { length, pinned, gaps, before: textAt(parts, 0) };
  throw new OptionError("text", parts, {
    message: `The text has ${counted(pinned.size, "token")} and ${length - pinned.size} in gaps, ${length} in all; the model takes at most ${most}`,
    remedy: "Shorten the text or its gaps.",
  });
}

/** Returns the text of a part; nothing for a gap, and beyond the last part. */
function textAt(parts: readonly FillPart[], i: number): string {
  const part = parts.at(i) ?? "";
  return typeof part === "string" ? part : "";
}
