/** Lays out a text with gaps in tokens: which positions hold the text, and which are gaps. */
import { OptionError } from "../foundation/errors.ts";
import { counted, quoted } from "../foundation/messages.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import { unknownError } from "../tokenizer/errors.ts";
import type { Tokenizer, UnknownPiece } from "../tokenizer/tokenizer.ts";
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
  { length: most, maskId, kind }: DenoiserModel,
): Promise<FillLayout> {
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
    const tokens = await tokensOf(part, i > 0, tokenizer, maskId);
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

/** Texts after which a piece may have other tokens than at the beginning of a text. */
const ANCHORS = ["a", "."];

/**
 * Encodes a piece.
 * @param within whether a gap comes before it: then it does not begin a text.
 */
async function tokensOf(
  piece: string,
  within: boolean,
  tokenizer: Tokenizer,
  maskId: TokenId,
): Promise<readonly TokenId[]> {
  const unknown: UnknownPiece[] = [];
  const encode = async (text: string): Promise<readonly TokenId[]> =>
    Array.from(await tokenizer.encode(text, { onUnknown: (one) => unknown.push(one) }));
  const tokens = await encode(piece);
  if (unknown.length > 0) throw unknownError(tokenizer.name, unknown[0]);
  if (tokens.includes(maskId)) {
    throw new OptionError("text", piece, {
      message: `The text writes the model's mask, in ${quoted(piece)}`,
      remedy: "Write a gap of one token instead: [1].",
    });
  }
  const plain = asRead(tokens, within, tokenizer);
  if (plain === piece) return tokens;
  // SentencePiece puts a blank before every text that it encodes, but not inside of one.
  for (const anchor of within ? ANCHORS : []) {
    const [own, all] = [await encode(anchor), await encode(anchor + piece)];
    const rest = all.slice(own.length);
    const isApart = own.every((token, at) => token === all[at]);
    if (isApart && asRead(rest, within, tokenizer) === piece) return rest;
  }
  throw new OptionError("text", piece, {
    message: `The tokenizer ${tokenizer.name} changes ${quoted(piece)}: as tokens it reads ${quoted(plain)}`,
    remedy: "Write this part of the text as the tokenizer reads it, or take it into the gap.",
  });
}

/**
 * Reads the tokens of a piece. A decoder may leave out the blank that begins a text, so within a
 * text a copy of the first token comes before them.
 */
function asRead(tokens: readonly TokenId[], within: boolean, tokenizer: Tokenizer): string {
  const before = within ? tokens.slice(0, 1) : [];
  return tokenizer.decode([...before, ...tokens]).slice(tokenizer.decode(before).length);
}
