/** Encodes a text that is to stay to the letter, and refuses what the tokenizer would change. */
import { OptionError } from "../foundation/errors.ts";
import { quoted } from "../foundation/messages.ts";
import type { TokenId } from "../sampler/denoiser.ts";
import { unknownError } from "../tokenizer/errors.ts";
import type { Tokenizer, UnknownPiece } from "../tokenizer/tokenizer.ts";

/** Texts after which a piece may have other tokens than at the beginning of a text. */
const ANCHORS = ["a", "."];

/**
 * Encodes a piece of a text whose tokens are kept.
 * @param option that the piece is of, for messages.
 * @param within whether a gap comes before it: then it does not begin a text.
 * @throws OptionError for a piece that writes the mask, or does not come back from its tokens as it
 *   is; TokenizerError `tokenizer_unknown`.
 */
export async function encodePiece(
  option: string,
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
    throw new OptionError(option, piece, {
      message: `The ${option} writes the model's mask, in ${quoted(piece)}`,
      remedy: "Leave the mask out; in the text of a fill, write a gap of one token: [1].",
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
  throw new OptionError(option, piece, {
    message: `The tokenizer ${tokenizer.name} changes ${quoted(piece)}: as tokens it reads ${quoted(plain)}`,
    remedy:
      "Write this part as the tokenizer reads it; in the text of a fill, it may go into the gap.",
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
