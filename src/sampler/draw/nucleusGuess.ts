/**
 * Guesses between which two weights a nucleus ends, by every sixteenth weight of a row. The upper
 * bits of a positive double order it, so a histogram over them shows it. Weights are compared by
 * their upper halves, as integers.
 */

/**
 * The upper 16 bits of a double hold its exponent and 4 bits more: 16 buckets an octave, the first
 * for 1 alone.
 */
const KEY_SHIFT = 16;
const KEY_OF_ONE = 0x3ff0;
/** 64 octaves; the last bucket has all smaller weights as well. */
const BUCKETS = 1024;
/** One token in this many is looked at. */
const SAMPLED = 16;
/** Upper halves: all weights except 0 have at least the first, and no weight has the second. */
export const LEAST = 1;
export const NONE = 0x7ff00000;
/** Place of a double's upper half in the two words that it takes. */
export const UPPER = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Works on one row after another with the same scratch memory. */
export class NucleusGuess {
  /**
   * Upper half from which on the nucleus lacks some weights; it probably has all from `high` on.
   */
  low = 0;
  high = 0;
  readonly #weights: Float64Array;
  readonly #words: Int32Array;
  readonly #buckets = new Float64Array(BUCKETS);

  /** @param weights in [0, 1]; they change with each row. */
  constructor(weights: Float64Array) {
    this.#weights = weights;
    this.#words = new Int32Array(weights.buffer);
  }

  /**
   * Finds {@link low} and {@link high}: in the sample, 0.75 of `outside` is below the first, and
   * 1.25 of it is below the second.
   * @param length how many weights the row has.
   * @param outside the mass that a nucleus leaves out.
   * @param rest the part of it whose tokens are not in the row.
   */
  find(length: number, outside: number, rest: number): void {
    const weights = this.#weights;
    const words = this.#words;
    const buckets = this.#buckets;
    buckets.fill(0);
    for (let i = 0; i < length; i += SAMPLED) {
      buckets[bucketOf(words[2 * i + UPPER])] += weights[i];
    }
    const sampled = outside / SAMPLED;
    let below = rest / SAMPLED;
    let bucket = BUCKETS - 1;
    this.low = below > 0 ? LEAST : NONE;
    for (; bucket >= 0 && below <= 0.75 * sampled; bucket--) {
      if (buckets[bucket] > 0) this.low = lowestUpper(bucket);
      below += buckets[bucket];
    }
    for (; bucket >= 0 && below <= 1.25 * sampled; bucket--) below += buckets[bucket];
    this.high = bucket < 0 ? NONE : lowestUpper(bucket);
  }
}

/**
 * Returns the bucket of a weight; bucket 0 has the largest.
 * @param upper the upper half of the weight.
 */
function bucketOf(upper: number): number {
  const bucket = KEY_OF_ONE - (upper >> KEY_SHIFT);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** Returns the smallest upper half in a bucket, except for weights of 0. */
function lowestUpper(bucket: number): number {
  return bucket < BUCKETS - 1 ? (KEY_OF_ONE - bucket) << KEY_SHIFT : LEAST;
}
