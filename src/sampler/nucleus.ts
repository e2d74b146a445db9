/**
 * The softmax of a row and which of its tokens a nucleus keeps: from the likeliest down, of equals the lowest id
 * first, while the cumulative probability is <= p, and always the first. So the token that crosses p is left out, as
 * in the original; the paper on nucleus sampling (Holtzman et al., 2020) has the smallest set of mass >= p.
 *
 * A selection, not a sort. The upper bits of a positive double order it, so a histogram over them, with the mass of each
 * bucket, shows in which bucket p is crossed. The weights of that one are divided anew, evenly over their range, until
 * those that are left are equal: a few rounds over ever fewer weights.
 */
import { weigh } from "./exponential.ts";
import type { Compat } from "./strategy.ts";

/** The upper 16 bits of a double hold its exponent and 4 bits more: 16 buckets an octave, the first for 1 alone. */
const KEY_SHIFT = 16;
const KEY_OF_ONE = 0x3ff0;
/** 64 octaves. The last bucket has all that is below as well. */
const BUCKETS = 1024;
/** One token in so many is looked at to guess where the nucleus ends. */
const SAMPLED = 16;
/** How finely the crossed bucket is divided in each round. */
const PARTS = 256;
/** Place of a double's upper half in the two words that it takes. The upper halves of weights have the order of weights. */
const UPPER = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** Works on one row after another with the same scratch memory. */
export class Nucleus {
  /** [V] exp(logit - max), so 1 for the likeliest token; 0 for the mask. */
  readonly weights: Float64Array;
  /** The kept tokens, ascending: the first `size` of them. */
  readonly ids: Int32Array;
  size = 0;
  /** Sum of the kept weights. */
  mass = 0;

  readonly #maskId: number;
  readonly #topP: number;
  readonly #keepsCrossing: boolean;
  readonly #words: Int32Array;
  readonly #buckets = new Float64Array(BUCKETS);
  readonly #parts = new Float64Array(PARTS);
  /** The weights of the bucket in which p is crossed. */
  readonly #contested: Float64Array;
  #total = 0;

  /**
   * @param topP p in (0, 1]; 1 keeps every token that has a chance.
   * @param compat whether the token that crosses p is dropped (`remdm`) or kept (`paper`).
   */
  constructor(vocabSize: number, maskId: number, topP: number, compat: Compat) {
    this.weights = new Float64Array(vocabSize);
    this.ids = new Int32Array(vocabSize);
    this.#maskId = maskId;
    this.#topP = topP;
    this.#keepsCrossing = compat === "paper";
    this.#words = new Int32Array(this.weights.buffer);
    this.#contested = new Float64Array(topP < 1 ? vocabSize : 0);
  }

  /**
   * Sets {@link weights}, {@link ids}, {@link size} and {@link mass} to those of a row.
   * @param row [V] logits, none above `max` but perhaps the mask's, none NaN.
   * @param max a finite number.
   */
  select(row: Float32Array, max: number): void {
    this.#total = this.#softmax(row, max);
    if (this.#topP < 1) {
      this.#gather(this.#guess());
      if (!this.#fits(this.#tally())) {
        this.#cut();
        return;
      }
    }
    this.#gather(1);
    // For a p just below 1 the rounding of the sums may decide that it is not crossed.
    if (this.#topP < 1 && !this.#fits(this.#tally())) this.#cut();
    else this.mass = this.#total;
  }

  /** Ends the nucleus among the listed and tallied tokens, which have more mass than fits. */
  #cut(): void {
    this.mass = 0;
    const crossed = this.#cross(this.#buckets);
    this.#keep(this.#narrow(this.#contest(crossed)));
  }

  /** exp(logit - max), without the denominator. @returns the denominator. */
  #softmax(row: Float32Array, max: number): number {
    const { weights } = this;
    const maskId = this.#maskId;
    return weigh(row, max, 0, maskId, weights) + weigh(row, max, maskId + 1, row.length, weights);
  }

  /**
   * Where in the row the nucleus might end, so that most tokens need not be looked at again: by a sixteenth of all
   * tokens, half of 1 - p is below it. Whether that is far enough down is checked on the true mass.
   * @returns the upper half of a weight.
   */
  #guess(): number {
    const { ids } = this;
    this.size = 0;
    for (let id = 0; id < ids.length; id += SAMPLED) ids[this.size++] = id;
    this.#tally();
    const buckets = this.#buckets;
    const spare = (0.5 * (1 - this.#topP) * this.#total) / SAMPLED;
    let guess = BUCKETS - 1;
    let below = 0;
    for (let bucket = BUCKETS - 1; bucket >= 0 && below <= spare; bucket--) {
      if (buckets[bucket] > 0) guess = bucket;
      below += buckets[bucket];
    }
    return lowestUpper(guess);
  }

  /** Finds the mass of each bucket of the listed tokens. @returns that of all of them. */
  #tally(): number {
    const { ids, weights, size } = this;
    const words = this.#words;
    const buckets = this.#buckets;
    buckets.fill(0);
    for (let i = 0; i < size; i++) {
      const id = ids[i];
      buckets[bucketOf(words[2 * id + UPPER])] += weights[id];
    }
    let mass = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) mass += buckets[bucket];
    return mass;
  }

  /**
   * Adds buckets to the mass, the likeliest first, as long as the nucleus has them as a whole.
   * @returns the bucket in which p is crossed, at the latest the last.
   */
  #cross(buckets: Float64Array): number {
    const last = buckets.length - 1;
    let crossed = 0;
    while (crossed < last && this.#fits(this.mass + buckets[crossed])) {
      this.mass += buckets[crossed++];
    }
    return crossed;
  }

  /** Whether the tokens of this much mass are all in the nucleus and it may go on. */
  #fits(mass: number): boolean {
    const probability = mass / this.#total;
    return this.#keepsCrossing ? probability < this.#topP : probability <= this.#topP;
  }

  /**
   * Lists the tokens whose weight has at least this upper half: four at a time, passed over when all are below, else
   * without a branch, as which of them are is hard to predict: the next id overwrites one that is not.
   * @param least at least 1, which leaves out weights of 0.
   */
  #gather(least: number): void {
    const { ids } = this;
    const words = this.#words;
    const before = (least - 1) | 0;
    const end = ids.length;
    let size = 0;
    let id = 0;
    for (; id + 3 < end; id += 4) {
      // Negative for those that are listed.
      const a = before - words[2 * id + UPPER];
      const b = before - words[2 * id + 2 + UPPER];
      const c = before - words[2 * id + 4 + UPPER];
      const d = before - words[2 * id + 6 + UPPER];
      if ((a | b | c | d) >= 0) continue;
      ids[size] = id;
      size += a >>> 31;
      ids[size] = id + 1;
      size += b >>> 31;
      ids[size] = id + 2;
      size += c >>> 31;
      ids[size] = id + 3;
      size += d >>> 31;
    }
    for (; id < end; id++) {
      ids[size] = id;
      size += (before - words[2 * id + UPPER]) >>> 31;
    }
    this.size = size;
  }

  /**
   * Drops the tokens of the buckets after the crossed one; without branches, as {@link #gather}.
   * @returns how many weights it copied from the crossed bucket.
   */
  #contest(crossed: number): number {
    const { ids, weights, size: listed } = this;
    const words = this.#words;
    const contested = this.#contested;
    const below = lowestUpper(crossed) - 1;
    const above = (KEY_OF_ONE - crossed + 1) << KEY_SHIFT;
    let size = 0;
    let count = 0;
    for (let i = 0; i < listed; i++) {
      const id = ids[i];
      const upper = words[2 * id + UPPER];
      ids[size] = id;
      size += (below - upper) >>> 31;
      contested[count] = weights[id];
      count += ((below - upper) & (upper - above)) >>> 31;
    }
    this.size = size;
    return count;
  }

  /**
   * Divides the contested weights evenly until one value is left, and adds what is kept to the mass.
   * @returns that value, and how many tokens of it are kept; those of more weight are kept, those of less are not.
   */
  #narrow(count: number): Edge {
    const contested = this.#contested;
    const parts = this.#parts;
    for (;;) {
      let low = Infinity;
      let high = 0;
      for (let i = 0; i < count; i++) {
        if (contested[i] < low) low = contested[i];
        if (contested[i] > high) high = contested[i];
      }
      if (low === high) return this.#tied(high, count);
      const scale = PARTS / (high - low);
      parts.fill(0);
      for (let i = 0; i < count; i++) parts[partOf(contested[i], high, scale)] += contested[i];
      const crossed = this.#cross(parts);
      let left = 0;
      for (let i = 0; i < count; i++) {
        const weight = contested[i];
        if (partOf(weight, high, scale) === crossed) contested[left++] = weight;
      }
      count = left;
    }
  }

  /** How many of `count` equal tokens are kept: as many as fit, and in the paper's rule the one that crosses p. */
  #tied(weight: number, count: number): Edge {
    const before = this.mass;
    let ties = Math.min(count, Math.floor((this.#topP * this.#total - before) / weight));
    // The quotient may be off in its last bit, the rule not.
    while (ties > 0 && !this.#fits(before + ties * weight)) ties--;
    while (ties < count && this.#fits(before + (ties + 1) * weight)) ties++;
    if (ties < count && (this.#keepsCrossing || before + ties === 0)) ties++;
    this.mass = before + ties * weight;
    return { weight, ties };
  }

  /** Drops the listed tokens that are not kept. */
  #keep({ weight: edge, ties }: Edge): void {
    const { ids, weights } = this;
    let size = 0;
    for (let i = 0; i < this.size; i++) {
      const id = ids[i];
      const weight = weights[id];
      if (weight > edge || (weight === edge && ties-- > 0)) ids[size++] = id;
    }
    this.size = size;
  }
}

/** The smallest weight of a nucleus, and how many tokens of exactly that weight it has. */
interface Edge {
  readonly weight: number;
  readonly ties: number;
}

/** @param upper the upper half of a weight. Bucket 0 has the largest. */
function bucketOf(upper: number): number {
  const bucket = KEY_OF_ONE - (upper >> KEY_SHIFT);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** The smallest upper half in a bucket, but for weights of 0. */
function lowestUpper(bucket: number): number {
  return bucket < BUCKETS - 1 ? (KEY_OF_ONE - bucket) << KEY_SHIFT : 1;
}

/** Part 0 has the largest weights; the order is kept whatever the rounding. */
function partOf(weight: number, high: number, scale: number): number {
  const part = ((high - weight) * scale) | 0;
  return part < PARTS ? part : PARTS - 1;
}
