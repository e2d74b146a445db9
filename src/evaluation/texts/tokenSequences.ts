/**
 * Finds the token ids of samples and references in one vocabulary, from the best source that there
 * is.
 */
import { WordIds } from "../measures/words.ts";
import type { EvaluationInput, EvaluationOptions } from "../evaluationOptions.ts";
import type { Watch } from "../measures/measure.ts";

/**
 * Where tokens come from. Numbers from different sources do not compare.
 * - `samples`: the tokens are the ones that were drawn.
 * - `tokenizer`: the texts were tokenized again.
 * - `words`: nothing else is known, so each word, number and mark is a token.
 */
export type TokensFrom = "samples" | "tokenizer" | "words";

export interface TokenSequences {
  readonly tokensFrom: TokensFrom;
  readonly samples: readonly ArrayLike<number>[];
  /**
   * Undefined without references, and where their tokens in the samples' vocabulary are not known.
   */
  readonly references?: readonly ArrayLike<number>[];
  /** How many pieces the tokenizer has no token for, in the texts that were tokenized here. */
  readonly unknownPieces: { readonly samples: number; readonly references: number };
}

/** How many visits of Pace a tokenizer spends on a character. */
export const WORK_PER_CHARACTER = 16;

export async function tokenSequences(
  { texts, tokens, references, referenceTokens }: EvaluationInput,
  { tokenizer }: EvaluationOptions,
  watch: (stage: string) => Watch,
): Promise<TokenSequences> {
  const words = new WordIds();
  const tokensFrom = tokens ? "samples" : tokenizer ? "tokenizer" : "words";
  const unknownPieces = { samples: 0, references: 0 };
  const encode = (key: keyof typeof unknownPieces) => (text: string) =>
    tokenizer?.encode(text, { onUnknown: () => unknownPieces[key]++ }) ?? words.encode(text);
  const ours = watch("tokens of the samples");
  const samples = tokens ?? (await encodeAll(texts, encode("samples"), ours));
  const isWordless = tokensFrom === "samples" && tokenizer === undefined;
  const known = tokensFrom === "words" ? undefined : referenceTokens;
  if (references === undefined || (known === undefined && isWordless)) {
    return { tokensFrom, samples, unknownPieces };
  }
  const theirs = watch("tokens of the references");
  return {
    tokensFrom,
    samples,
    references: known ?? (await encodeAll(references, encode("references"), theirs)),
    unknownPieces,
  };
}

async function encodeAll(
  texts: readonly string[],
  encode: (text: string) => number[] | Promise<number[]>,
  { pace, onProgress }: Watch,
): Promise<number[][]> {
  const sequences: number[][] = [];
  for (const text of texts) {
    sequences.push(await encode(text));
    onProgress(sequences.length, texts.length);
    if (pace.spend(WORK_PER_CHARACTER * text.length)) await pace.rest();
  }
  return sequences;
}
