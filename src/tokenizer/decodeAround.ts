/** Decodes tokens with masks between them, as the tokenizer's own decoder writes the tokens. */

/** Makes one text of token texts as they stand in the vocabulary. */
export type DecodeTokens = (tokens: string[]) => string;

/**
 * The first of the characters that stand for masks: they lie in a private area that few
 * vocabularies know.
 */
const PRIVATE = 0xf0000;
/** How many pairs of these characters are tried. */
const TRIES = 16;

/**
 * Decodes tokens and writes `mask` for each mask.
 *
 * A decoder has rules for neighbours: WordPiece parts words by blanks, Metaspace and Llama 2 take
 * the blank from the first token only. So masks go through the decoder among the tokens, as a token
 * that it does not know. Two such tokens take turns, because a decoder (CTC) may take equal
 * neighbours for one.
 * @param tokens has undefined for a mask.
 */
export function decodeAround(
  tokens: readonly (string | undefined)[],
  mask: string,
  decode: DecodeTokens,
): string {
  const masks = tokens.filter((token) => token === undefined).length;
  for (let pair = 0; pair < TRIES; pair++) {
    const [even, odd] = [2 * pair, 2 * pair + 1].map((i) => String.fromCodePoint(PRIVATE + i));
    let at = 0;
    const filled = tokens.map((token) => token ?? (at++ % 2 === 0 ? even : odd));
    const pieces = decoded(filled, decode).split(new RegExp(`[${even}${odd}]`, "u"));
    if (pieces.length === masks + 1) return pieces.join(mask); // else the text has one itself
  }
  return runByRun(tokens, mask, decode);
}

/** Decodes each run of tokens as a text by itself, for a decoder that changes every character. */
function runByRun(
  tokens: readonly (string | undefined)[],
  mask: string,
  decode: DecodeTokens,
): string {
  const runs: string[][] = [[]];
  for (const token of tokens) {
    if (token === undefined) runs.push([]);
    else runs[runs.length - 1].push(token);
  }
  return runs.map((run) => decoded(run, decode)).join(mask);
}

/** Decodes tokens; some decoders fail on an empty list. */
function decoded(tokens: string[], decode: DecodeTokens): string {
  return tokens.length === 0 ? "" : decode(tokens);
}
