/**
 * How varied a set is as a whole: distinct-n over its token sequences (Li et al. 2016, "A
 * Diversity-Promoting Objective Function", section 5), and the share of texts that occur again.
 */
import type { TextMeasure, TokenMeasure } from "./measure.ts";
import { ngramsOf } from "./ngrams.ts";

/** Distinct-n as a measure, counted over as many tokens as the other set has. */
export function distinct(n: number): TokenMeasure<number> {
  return () => {
    const ngrams = new DistinctNgrams(n);
    return {
      add: (_, budgeted) => {
        ngrams.add(budgeted);
      },
      get value() {
        return ngrams.share;
      },
    };
  };
}

/**
 * Counts the distinct runs of n tokens over all runs of n tokens in a set. The share falls as the
 * set grows, because common runs were there already: compare sets of about as many tokens.
 */
export class DistinctNgrams {
  readonly #n: number;
  readonly #seen = new Set<number | string>();
  #all = 0;

  /** @param n at least 1. */
  constructor(n: number) {
    this.#n = n;
  }

  add(tokens: ArrayLike<number>): void {
    for (const ngram of ngramsOf(tokens, this.#n)) {
      this.#all++;
      this.#seen.add(ngram);
    }
  }

  /** Distinct runs over all runs, in (0, 1]; NaN while there is no run. */
  get share(): number {
    return this.#seen.size / this.#all;
  }
}

/** Returns the share of {@link DistinctNgrams} for all sequences at once. */
export function distinctNgrams(sequences: Iterable<ArrayLike<number>>, n: number): number {
  const ngrams = new DistinctNgrams(n);
  for (const tokens of sequences) ngrams.add(tokens);
  return ngrams.share;
}

export const duplicates: TextMeasure<number> = { ofReferences: false, measure: duplicateShare };

/** Returns the share of texts that equal an earlier one, in [0, 1); 0 for no texts. */
export function duplicateShare(texts: readonly string[]): number {
  return texts.length === 0 ? 0 : (texts.length - new Set(texts).size) / texts.length;
}
