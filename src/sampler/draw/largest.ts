/**
 * `Largest` finds the k largest logits of a row, of equals those that come first. It compares
 * logits and not weights, because different logits may have equal weights.
 *
 * A float32's bits, read as an integer, order it. One pass counts the logits by the upper eleven
 * bits; the bucket in which the k-th largest lies is then counted by the next bits, and so on.
 */

/** Bits of a key that each round looks at, from the highest down. */
const ROUNDS = [
  { shift: 21, buckets: 2048 },
  { shift: 10, buckets: 2048 },
  { shift: 0, buckets: 1024 },
] as const;
/** Key of -Infinity: no token that has a chance has it. */
const IMPOSSIBLE = keyOf(-8388608);
/** Turns a key's order as a signed integer into the order of an unsigned one. */
const SIGN = -2147483648;

/** Works on one row after another with the same scratch memory. */
export class Largest {
  /** Where the logits are that were found, ascending: the first `size` of them. */
  readonly places: Int32Array;
  size = 0;
  readonly #k: number;
  readonly #keys: Int32Array;
  readonly #counts = new Int32Array(2048);

  /** @param vocabSize the most logits of a row. @param k in [1, vocabSize]. */
  constructor(vocabSize: number, k: number) {
    this.#k = k;
    this.#keys = new Int32Array(vocabSize);
    this.places = new Int32Array(Math.min(k, vocabSize));
  }

  /**
   * Finds {@link places} and {@link size}, which is k, or less where fewer tokens have a chance.
   * @param logits not NaN.
   * @param except a place that is left out, the mask's.
   */
  find(logits: Float32Array, except = -1): void {
    const { length } = logits;
    const keys = this.#keys;
    const bits = new Int32Array(logits.buffer, logits.byteOffset, length);
    for (let i = 0; i < length; i++) keys[i] = keyOf(bits[i]);
    if (except >= 0) keys[except] = IMPOSSIBLE;
    const { edge, ties } = this.#edge(length);
    this.#gather(length, edge, ties);
  }

  /** Finds the k-th largest key, and how many tokens of just this key are among the k. */
  #edge(length: number): { readonly edge: number; readonly ties: number } {
    const keys = this.#keys;
    const counts = this.#counts;
    let left = Math.min(this.#k, length);
    /** The bits of the k-th largest key that are known: those of `known`. */
    let edge = 0;
    let known = 0;
    for (const { shift, buckets } of ROUNDS) {
      counts.fill(0);
      for (let i = 0; i < length; i++) {
        const key = keys[i] ^ SIGN;
        if ((key & known) === edge) counts[(key >>> shift) & (buckets - 1)]++;
      }
      let bucket = buckets - 1;
      while (counts[bucket] < left) left -= counts[bucket--];
      edge |= bucket << shift;
      known |= (buckets - 1) << shift;
    }
    return { edge: edge ^ SIGN, ties: left };
  }

  #gather(length: number, edge: number, ties: number): void {
    const keys = this.#keys;
    const { places } = this;
    let size = 0;
    let open = edge === IMPOSSIBLE ? 0 : ties;
    for (let i = 0; i < length; i++) {
      const key = keys[i];
      if (key < edge || (key === edge && open-- <= 0)) continue;
      places[size++] = i;
    }
    this.size = size;
  }
}

/** Returns an integer that orders float32 numbers. @param bits of the number; -0 is 0. */
function keyOf(bits: number): number {
  const key = bits ^ ((bits >> 31) & 0x7fffffff);
  return key === -1 ? 0 : key;
}
