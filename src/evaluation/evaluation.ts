/**
 * What an evaluation says: the measures of the table, where tokens came from, and what is missing.
 */
import type { Collapse } from "./measures/collapse.ts";
import type { JudgedValues, TextValues, TokenValues } from "./measures/table.ts";
import type { SkippedMeasure } from "./skipped.ts";
import type { TokensFrom } from "./texts/tokenSequences.ts";

export type { Mauve } from "./measures/mauve.ts";
export type { GenerativePerplexity } from "./measures/perplexity.ts";

/**
 * The same measures of the references: what the samples would have if they were real text. Tokens
 * are counted in references cut to the samples' mean length, and distinct shares over as many
 * tokens as the samples have, or over all tokens where the references have fewer.
 */
export interface ReferenceEvaluation
  extends Partial<TokenValues>, Omit<TextValues, "duplicates">, Omit<JudgedValues, "mauve"> {
  /** How many references there were. */
  readonly count: number;
  /**
   * Mean number of tokens; longer references were cut to the samples' mean. Absent, as are all
   * measures of tokens, where the references' tokens are not known. `entropy` is absent also where
   * the samples' entropy is of other tokens than are known here.
   */
  readonly length?: number;
  /** Pieces that the samples' tokenizer has no token for; absent where it knows every piece. */
  readonly unknownPieces?: number;
}

/**
 * Measures of samples under the keys of `measures/table.ts`. Shares are in [0, 1]. A value that has
 * no number, such as the error of a single sample, is NaN.
 */
export interface Evaluation extends TokenValues, TextValues, JudgedValues {
  /** How many samples there were. */
  readonly samples: number;
  readonly tokensFrom: TokensFrom;
  /** Mean number of tokens of a sample. */
  readonly length: number;
  /**
   * Present where `entropy` is what the caller knew, of other tokens than `tokensFrom` says: then
   * it compares with nothing here.
   */
  readonly entropyIsOther?: true;
  /** The measures that could not be computed, and why; absent where all were. */
  readonly skipped?: readonly SkippedMeasure[];
  /**
   * Pieces of the texts that the tokenizer has no token for, where texts were tokenized again;
   * absent where it knows every piece.
   */
  readonly unknownPieces?: number;
  readonly references?: ReferenceEvaluation;
  readonly collapse: Collapse;
}
