/** How varied a set of sequences is as a whole: distinct-n (Li et al. 2016, "A Diversity-Promoting Objective Function", section 5). */
import { ngramsOf } from "./ngrams.ts";

/**
 * Distinct runs of n tokens over all runs of n tokens, counted over a whole set. It falls as the set grows, since what is common was there
 * already: compare sets of about as many tokens.
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

  /** In (0, 1]; NaN while there is no n-gram. */
  get share(): number {
    return this.#seen.size / this.#all;
  }
}

/** {@link DistinctNgrams} of sequences that are all there. */
export function distinctNgrams(sequences: Iterable<ArrayLike<number>>, n: number): number {
  const ngrams = new DistinctNgrams(n);
  for (const tokens of sequences) ngrams.add(tokens);
  return ngrams.share;
}
