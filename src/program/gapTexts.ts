/** Reads the text of a finished sample that has gaps, and of its gaps. */
import type { TokenId } from "../sampler/denoiser.ts";

/** A gap: the positions in [begin, end), and the text between it and the next gap or the end. */
export interface Gap {
  readonly begin: number;
  readonly end: number;
  readonly after: string;
}

/** Where the text and the gaps of a sample lie. */
export interface GappedText {
  /** The text before the first gap. */
  readonly before: string;
  readonly gaps: readonly Gap[];
}

/** Stands for bytes that are not a character, or only the beginning of one. */
const UNFINISHED = "\ufffd";

/**
 * Returns the text of each gap. A character whose bytes lie in two gaps is in the second one.
 * @param tokens [L] of the sample.
 * @param decode makes the text of tokens from the first one on.
 */
export function gapTexts(
  tokens: readonly TokenId[],
  { gaps }: GappedText,
  decode: (tokens: readonly TokenId[]) => string,
): readonly string[] {
  const textTo = (end: number): string => decode(tokens.slice(0, end));
  /** Without the bytes that are a character together with those of a gap that begins there. */
  const decidedTo = (end: number): string => {
    let text = textTo(end);
    const more = textTo(gaps.find(({ begin }) => begin === end)?.end ?? end);
    while (text.endsWith(UNFINISHED) && !more.startsWith(text)) text = text.slice(0, -1);
    return text;
  };
  return gaps.map(({ begin, end }) => decidedTo(end).slice(decidedTo(begin).length));
}

/**
 * Returns the whole text: what is around the gaps as it was given, even where a decoder would join
 * its bytes with those in a gap.
 * @param filled of {@link gapTexts}.
 */
export function wholeText({ before, gaps }: GappedText, filled: readonly string[]): string {
  return before + gaps.map(({ after }, i) => filled[i] + after).join("");
}
