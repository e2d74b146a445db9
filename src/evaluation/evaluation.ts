/** What an evaluation says. */
import type { Collapse } from "./measures/collapse.ts";
import type { Spread } from "./measures/spread.ts";
import type { SkippedMeasure } from "./skipped.ts";
import type { TokensFrom } from "./texts/tokenSequences.ts";

/** Generative perplexity (section 5 of arXiv 2503.00307): texts are easy for a judge, or they are not. */
export interface GenerativePerplexity {
  /** exp(sum of nats / sum of tokens) over all texts. */
  readonly value: number;
  /** By the spread over texts; NaN for one text. */
  readonly standardError: number;
  /** Its name. */
  readonly judge: string;
  /** Tokens of the judge that counted. */
  readonly tokens: number;
  /** Pieces of the texts that the judge has no token for; absent where there are none. */
  readonly unknownPieces?: number;
}

/** MAUVE (Pillutla et al. 2021), as mauve-text computes it. */
export interface Mauve {
  /** In (0, 1], over the seeds of k-means; 1: as the references. */
  readonly mean: number;
  /** Over the seeds of k-means; NaN for one seed. */
  readonly standardDeviation: number;
  /** One for each of `seeds`. */
  readonly scores: readonly number[];
  /** How many references there were. */
  readonly references: number;
  readonly judge: string;
  readonly seeds: readonly number[];
  readonly scale: number;
  /**
   * Those of `seeds` for which the histograms of samples and references are equal in every bin; absent where there are none. mauve-text
   * 0.4.0 then scores 1 or 0.75, depending on the CPU (docs/surprises.md); `scores` has what it gave.
   */
  readonly tiedSeeds?: readonly number[];
}

/** The same measures of the references: what the samples would have if they were real text. */
export interface ReferenceEvaluation {
  readonly count: number;
  /** Mean number of tokens; longer references were cut to the samples' mean. Absent, with what follows from tokens, where these are not known. */
  readonly length?: number;
  /** Absent also where that of the samples is of other tokens than the words that are known here. */
  readonly entropy?: Spread;
  /** Of as many tokens as the samples have, or of all where they are fewer. */
  readonly distinct1?: number;
  readonly distinct2?: number;
  readonly repetition?: number;
  readonly genPpl?: GenerativePerplexity;
  readonly knownWords?: number;
  /** Pieces that the samples' tokenizer has no token for; absent where there are none. */
  readonly unknownPieces?: number;
}

/** Shares are in [0, 1]. What has no number, the error of a single sample, is NaN. */
export interface Evaluation {
  /** How many there were. */
  readonly samples: number;
  readonly tokensFrom: TokensFrom;
  /** Mean number of tokens of a sample. */
  readonly length: number;
  /** Of the histogram of each sample's own tokens, in nats. */
  readonly entropy: Spread;
  /** Where `entropy` is what the caller knew, of other tokens than `tokensFrom` says: then it compares with nothing here. */
  readonly entropyIsOther?: true;
  readonly genPpl?: GenerativePerplexity;
  readonly mauve?: Mauve;
  /** What could not be computed, and why; absent where everything was. */
  readonly skipped?: readonly SkippedMeasure[];
  /** Distinct tokens over all tokens of all samples. */
  readonly distinct1: number;
  /** Distinct pairs of neighbouring tokens over all pairs. */
  readonly distinct2: number;
  /** Share of a sample's 4-grams that occurred earlier in it, mean over samples. */
  readonly repetition: number;
  /** Share of samples whose text equals an earlier one's. */
  readonly duplicates: number;
  /** Share of the words of three letters and more that the vocabulary has; absent without a vocabulary, or without a word. */
  readonly knownWords?: number;
  /** Pieces of the texts, where they were tokenized again, that the tokenizer has no token for; absent where there are none. */
  readonly unknownPieces?: number;
  readonly references?: ReferenceEvaluation;
  readonly collapse: Collapse;
}
