/**
 * `Halves` finds out while a run goes on whether its samples should share one call or two, each of
 * half of them. With two, one is computed while the answer of the other is drawn; but each call has
 * a cost of its own. So a stretch of rounds is measured with one call, and where the denoiser waits
 * for a good part of it, a stretch with two; the faster one stays. Where later states share the
 * calls (`lookahead/`), that is better still, and nothing is tried. Tokens depend on none of it.
 */

/** Rounds before a stretch that are not counted: by then it is known whether looking ahead pays. */
const BEFORE = 12;
/** Rounds of a stretch. */
const STRETCH = 12;
/** Where the denoiser waits for less than this share of the time, halves are not tried. */
const LEAST_WAIT = 0.1;
/** Halves stay if they are so many times faster. */
const FASTER = 1.03;
/** Rounds shorter than this are not worth it, in ms. */
const SHORTEST_ROUND = 2;

/** The rounds that have been counted since a time. */
interface Stretch {
  readonly begin: number;
  rounds: number;
  accepted: number;
  waited: number;
}

export class Halves {
  /** Whether the samples are in two calls now. */
  isSplit = false;
  #isDecided = false;
  #before = 0;
  #stretch: Stretch | undefined;
  /** Accepted calls in a ms, with one call. */
  #rateOfWhole = 0;

  /** Takes in that a round was about later states too. */
  recordLook(): void {
    this.#stretch = undefined;
    this.#before = 0;
  }

  /**
   * Takes in a round about the states at hand.
   * @param accepted how many calls of the samples it answered.
   * @param waited how long the denoiser had nothing to do before the next call of them, in ms.
   * @param now in ms.
   */
  record(accepted: number, waited: number, now = performance.now()): void {
    if (this.#isDecided) return;
    if (this.#stretch === undefined) {
      if (++this.#before >= BEFORE)
        this.#stretch = { begin: now, rounds: 0, accepted: 0, waited: 0 };
      return;
    }
    const stretch = this.#stretch;
    stretch.rounds++;
    stretch.accepted += accepted;
    stretch.waited += waited;
    if (stretch.rounds < (this.isSplit ? 2 : 1) * STRETCH) return;
    this.#end(stretch, now - stretch.begin);
    this.#stretch = undefined;
    this.#before = 0;
  }

  #end({ rounds, accepted, waited }: Stretch, ms: number): void {
    if (this.isSplit) {
      this.isSplit = accepted / ms > FASTER * this.#rateOfWhole;
      this.#isDecided = true;
      return;
    }
    this.#rateOfWhole = accepted / ms;
    this.isSplit = waited >= LEAST_WAIT * ms && ms >= SHORTEST_ROUND * rounds;
    this.#isDecided = !this.isSplit;
  }
}
