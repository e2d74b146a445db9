/**
 * `GuessRates` learns in a run how often the first guess of what a strategy selects comes true, how
 * often the second one, and so on. It decides which states are asked about and never what a token
 * is.
 */

/** What is assumed before anything is learned, by rank: what came out on the bundled `demo`. */
const AT_FIRST = [0.55, 0.15, 0.06, 0.03] as const;
/** What a new outcome weighs beside those before. */
const WEIGHT = 0.02;

/** Guesses of one step at most. */
export const RANKS = AT_FIRST.length;

export class GuessRates {
  readonly #rates: number[] = [...AT_FIRST];

  /** Returns the chance of a guess, in [0, 1]. @param rank in [0, {@link RANKS}). */
  of(rank: number): number {
    return this.#rates[rank];
  }

  /** Takes in which of so many guesses came true; -1: none did. */
  record(guesses: number, came: number): void {
    for (let rank = 0; rank < guesses; rank++) {
      this.#rates[rank] += WEIGHT * (Number(rank === came) - this.#rates[rank]);
    }
  }
}
