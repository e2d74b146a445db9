/** Text of tokens with masks between them, as the tokenizer's own decoder writes it. */

/** The decoder: token texts, as they stand in the vocabulary, to the text that they make together. */
export type DecodeTokens = (tokens: string[]) => string;

/** Where the characters that stand for masks are taken from: a private area that few vocabularies know. */
const PRIVATE = 0xf0000;
/** Pairs of them that are tried. */
const TRIES = 16;

/**
 * A decoder has rules for neighbours: WordPiece parts words by blanks, Metaspace and Llama 2 take the blank from the first token only. So masks go through
 * it among the tokens, as a token that it does not know; two in turn, since a decoder (CTC) may take equal neighbours for one.
 * @param tokens undefined: a mask. @param mask is written instead.
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

/** For a decoder that changes every character: each run of tokens as if it were a text. */
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

/** Some decoders take no empty list. */
function decoded(tokens: string[], decode: DecodeTokens): string {
  return tokens.length === 0 ? "" : decode(tokens);
}
