/**
 * A `Nucleus` computes the softmax of a row, divided by the temperature, and selects the tokens
 * that a nucleus keeps: from the likeliest down, of equals the lowest id first, while the
 * cumulative probability is <= p, and always the first. So the token that crosses p is left out, as
 * in the original; the paper on nucleus sampling (Holtzman et al., 2020) has the smallest set of
 * mass >= p. Of equals the original keeps as many but other ones: the first from a sort that is not
 * stable (`loops/parity/torchSort.ts`).
 *
 * It selects and does not sort. A sample of the weights shows between which two p is probably
 * crossed (`nucleusGuess.ts`). One pass sums the weights above and copies the weights between.
 * These are divided, evenly over their range, until the remaining ones are equal: a few rounds over
 * ever fewer weights.
 *
 * `kernel/assembly/nucleus.ts` does the same in WebAssembly; sums are taken in the same order
 * there, in four lanes.
 */
import { weigh } from "./exponential.ts";
import { LEAST, NONE, NucleusGuess, UPPER } from "./nucleusGuess.ts";
import { inverseOf, type DrawRule } from "./drawRule.ts";

/** Number of parts that the contested weights are divided into in each round. */
const PARTS = 256;
/**
 * The tables are longer than a row by this much, so that four at a time may reach past its end: the
 * weights there are 0.
 */
const SPARE = 4;
/** Works on one row after another with the same scratch memory. */
export class Nucleus {
  /** [V] exp((logit - max) / temperature), so 1 for the likeliest token; 0 for the mask. */
  readonly weights: Float64Array;
  /** Columns of the kept tokens, ascending: the first `size` of them. */
  readonly ids: Int32Array;
  size = 0;
  /** Sum of the kept weights. */
  mass = 0;

  readonly #maskId: number;
  readonly #topP: number;
  /** 1 / temperature. */
  readonly #inverse: number;
  readonly #keepsCrossing: boolean;
  readonly #words: Int32Array;
  readonly #guess: NucleusGuess;
  readonly #above = new Float64Array(4);
  readonly #reach = new Float64Array(4);
  readonly #parts = new Float64Array(PARTS);
  /**
   * Upper halves of the weights between which p is crossed: from the first to before the second.
   */
  #low = 0;
  #high = 0;
  /** The weights between them: the first `count`. */
  readonly #contested: Float64Array;
  readonly #contestedWords: Int32Array;
  #count = 0;
  #total = 0;

  /** @param rule its `topK` is not looked at. */
  constructor(vocabSize: number, maskId: number, { topP, temperature, quirks }: DrawRule) {
    this.weights = new Float64Array(vocabSize + SPARE);
    this.ids = new Int32Array(vocabSize + SPARE);
    this.#maskId = maskId;
    this.#topP = topP;
    this.#inverse = inverseOf(temperature);
    this.#keepsCrossing = quirks === "paper";
    this.#words = new Int32Array(this.weights.buffer);
    this.#guess = new NucleusGuess(this.weights);
    this.#contested = new Float64Array(topP < 1 ? vocabSize : 0);
    this.#contestedWords = new Int32Array(this.#contested.buffer);
  }

  /**
   * Computes {@link weights}, {@link ids}, {@link size} and {@link mass} of a row.
   * @param row [V] logits, not NaN, and at most `max` except perhaps the mask's.
   * @param max a finite number.
   * @returns sum of exp(logit - max) over all tokens, whatever the temperature.
   */
  select(row: Float32Array, max: number): number {
    const total = this.total(row, max);
    const mass = this.#inverse === 1 ? total : this.#weigh(row, max, this.#inverse);
    this.weights[this.#maskId] = 0;
    this.#select(row.length, mass, 0);
    return total;
  }

  /** Returns the same sum and selects nothing; {@link weights} are used up. */
  total(row: Float32Array, max: number): number {
    return this.#weigh(row, max, 1);
  }

  #weigh(row: Float32Array, max: number, inverse: number): number {
    const { weights } = this;
    const maskId = this.#maskId;
    const before = weigh(row, max, inverse, 0, maskId, weights);
    return before + weigh(row, max, inverse, maskId + 1, row.length, weights);
  }

  /**
   * Does the same for some tokens of a row, without the mask.
   * @param logits at most V.
   * @param rest sum of exp((logit - max) / temperature) over the other tokens.
   * @returns the mass of these tokens, as a part of 1.
   */
  selectTop(logits: Float32Array, max: number, rest: number): number {
    const mass = weigh(logits, max, this.#inverse, 0, logits.length, this.weights);
    this.#select(logits.length, mass, rest);
    return mass / (mass + rest);
  }

  /**
   * @param mass sum of the first `length` weights.
   * @param rest what the denominator has besides.
   */
  #select(length: number, mass: number, rest: number): void {
    this.weights.fill(0, length, length + SPARE);
    this.#total = mass + rest;
    if (this.#topP < 1 && this.#crosses(length, rest)) {
      this.#keep(length, this.#narrow());
    } else {
      // This is reached for a p just below 1 too, where the rounding of the sums may decide that it
      // is not crossed.
      this.mass = mass;
      this.#gather(length, LEAST);
    }
  }

  /** Finds the weights among which p is crossed. @returns whether it is crossed at all. */
  #crosses(length: number, rest: number): boolean {
    this.#guess.find(length, (1 - this.#topP) * this.#total, rest);
    this.#low = this.#guess.low;
    this.#high = this.#guess.high;
    if (this.#split(length)) return true;
    if (this.#fits(this.mass)) {
      this.#high = this.#low;
      this.#low = LEAST;
    } else {
      this.#low = this.#high;
      this.#high = NONE;
    }
    return this.#split(length);
  }

  /**
   * Copies the weights between low and high, and sums the weights above into the mass.
   * @returns whether p is crossed between them.
   */
  #split(length: number): boolean {
    const { weights } = this;
    const words = this.#words;
    const contested = this.#contested;
    const low = this.#low;
    const high = this.#high;
    // One lane of sums for every fourth weight.
    const above = this.#above.fill(0);
    const reach = this.#reach.fill(0);
    let count = 0;
    for (let quad = 0; quad < length; quad += 4) {
      if (
        words[2 * quad + UPPER] < low &&
        words[2 * quad + 2 + UPPER] < low &&
        words[2 * quad + 4 + UPPER] < low &&
        words[2 * quad + 6 + UPPER] < low
      )
        continue;
      for (let lane = 0; lane < 4; lane++) {
        const upper = words[2 * (quad + lane) + UPPER];
        if (upper < low) continue;
        const weight = weights[quad + lane];
        reach[lane] += weight;
        if (upper >= high) above[lane] += weight;
        else contested[count++] = weight;
      }
    }
    this.#count = count;
    this.mass = sumOfLanes(above);
    return this.#fits(this.mass) && !this.#fits(sumOfLanes(reach));
  }

  /** Tells whether the nucleus keeps all tokens of this much mass and may go on. */
  #fits(mass: number): boolean {
    const probability = mass / this.#total;
    return this.#keepsCrossing ? probability < this.#topP : probability <= this.#topP;
  }

  /**
   * Divides the contested weights evenly until one value is left, and adds what is kept to the
   * mass.
   * @returns how many tokens of that value are kept; all of more weight are kept, and no token of
   *   less.
   */
  #narrow(): number {
    const contested = this.#contested;
    const parts = this.#parts;
    for (;;) {
      const count = this.#count;
      let least = contested[0];
      let most = least;
      for (let i = 1; i < count; i++) {
        if (contested[i] < least) least = contested[i];
        if (contested[i] > most) most = contested[i];
      }
      if (least === most) return this.#tied(most, count);
      const scale = PARTS / (most - least);
      parts.fill(0);
      for (let i = 0; i < count; i++) parts[partOf(contested[i], most, scale)] += contested[i];
      const crossed = this.#cross();
      let left = 0;
      for (let i = 0; i < count; i++) {
        const weight = contested[i];
        if (partOf(weight, most, scale) === crossed) contested[left++] = weight;
      }
      this.#count = left;
    }
  }

  /**
   * Adds parts to the mass, the likeliest first, as long as the nucleus has them as a whole.
   * @returns the part in which p is crossed, at the latest the last.
   */
  #cross(): number {
    const parts = this.#parts;
    let crossed = 0;
    while (crossed < PARTS - 1 && this.#fits(this.mass + parts[crossed])) {
      this.mass += parts[crossed++];
    }
    return crossed;
  }

  /**
   * Returns how many of `count` equal tokens are kept: as many as fit, and in the paper's rule the
   * one that crosses p.
   */
  #tied(weight: number, count: number): number {
    const before = this.mass;
    let ties = Math.min(count, Math.floor((this.#topP * this.#total - before) / weight));
    // The quotient may be off in its last bit; the rule is exact.
    while (ties > 0 && !this.#fits(before + ties * weight)) ties--;
    while (ties < count && this.#fits(before + (ties + 1) * weight)) ties++;
    if (ties < count && (this.#keepsCrossing || before + ties === 0)) ties++;
    this.mass = before + ties * weight;
    return ties;
  }

  /**
   * Lists the tokens above the contested weight that is left, and the first `ties` tokens of just
   * this weight.
   */
  #keep(length: number, ties: number): void {
    const { ids, weights } = this;
    const edge = this.#contested[0];
    this.#gather(length, this.#contestedWords[UPPER]);
    let size = 0;
    for (let i = 0; i < this.size; i++) {
      const id = ids[i];
      const weight = weights[id];
      if (weight > edge || (weight === edge && ties-- > 0)) ids[size++] = id;
    }
    this.size = size;
  }

  /**
   * Lists the tokens whose weight has at least this upper half. Four at a time are passed over when
   * all are below; else they are listed without a branch, because it is hard to predict which of
   * them count: the next id overwrites one that does not.
   * @param least at least 1, which leaves out weights of 0.
   */
  #gather(length: number, least: number): void {
    const { ids } = this;
    const words = this.#words;
    const before = (least - 1) | 0;
    let size = 0;
    for (let id = 0; id < length; id += 4) {
      // Negative for tokens that are listed.
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
    this.size = size;
  }
}

/** Adds four lanes in the order in which vectors of two are added. */
function sumOfLanes(lanes: Float64Array): number {
  return lanes[0] + lanes[2] + (lanes[1] + lanes[3]);
}

/**
 * Returns the part of a weight: part 0 has the largest ones, and the order is kept whatever the
 * rounding.
 */
function partOf(weight: number, most: number, scale: number): number {
  const part = ((most - weight) * scale) | 0;
  return part < PARTS ? part : PARTS - 1;
}
