/**
 * A `NoiseSource` gives every random number of a run. Each draw has an address, (sample, step,
 * position) and for tokens also the token's id, so it does not depend on earlier draws, on the
 * batch size or on the order of a row.
 */
import { philox4x32 } from "./philox.ts";
import type { TokenId } from "../denoiser.ts";

/**
 * Gives numbers that are uniform in [0, 1), of 53 bits. Pure: the same address always gives the
 * same number.
 */
export interface NoiseSource {
  /**
   * The number that decides whether a position is revealed or remasked in a step. Positions from L
   * on (the length of the window) are numbers of other kinds. In continuous time the step is an
   * event, and they are its own: L says how long it takes to come, L + 1 whether it is a remask,
   * L + 2 which position it changes. In a guided run, particle j of sample i is sample i N + j
   * here, with N particles. Position L + 3 of a step is what the resampling before that step draws
   * for the particle, and L + 3 of step 0 chooses, for particle 0, the one that becomes the sample.
   * Step T + 1, after the final noise removal, decides which tokens of a draft begin masked.
   */
  position(sample: number, step: number, position: number): number;
  /**
   * The number that decides what a revealed position becomes: the noise of one token in that
   * position's draw.
   */
  token(sample: number, step: number, position: number, token: TokenId): number;
  /**
   * {@link token} for many tokens of one draw, for sources that are faster this way.
   * @param ids ascending; the first `count` of them are asked for.
   * @param out receives the numbers in the same order.
   */
  tokens?(
    sample: number,
    step: number,
    position: number,
    ids: Int32Array,
    count: number,
    out: Float64Array,
  ): void;
}

/** Added to the sample in the counters of tokens. */
export const TOKEN_STREAM = 0x80000000;

/**
 * Samples must be numbered below this: bit 31 of their counter word tells the two streams apart.
 */
export const SAMPLE_LIMIT = 2 ** 31;

/**
 * The default noise is Philox 4x32-10 with the seed as its key. A block of 128 bits gives two
 * doubles.
 *
 *     key      word 0: seed mod 2^32     word 1: seed div 2^32
 *     counter  word 0        word 1      word 2   word 3
 *     position position div 2   0        step     sample
 *     token    token div 2   position    step     sample + 2^31
 *
 * An even position or token takes words 0 and 1 of its block, an odd one words 2 and 3. The stream
 * bit in word 3 of the counter keeps positions and tokens apart, so no counter is ever used for two
 * draws.
 */
export class PhiloxNoise implements NoiseSource {
  /** The words of the seed, the low one first. */
  readonly key0: number;
  readonly key1: number;
  readonly #positions = new BlockMemo();
  readonly #tokens = new BlockMemo();
  readonly #block = new Uint32Array(4);

  /** @param seed in [0, 2^64). */
  constructor(seed: bigint) {
    this.key0 = Number(seed & 0xffffffffn);
    this.key1 = Number(seed >> 32n);
  }

  position(sample: number, step: number, position: number): number {
    return this.#positions.double(position, 0, step, sample, this.key0, this.key1);
  }

  token(sample: number, step: number, position: number, token: TokenId): number {
    return this.#tokens.double(token, position, step, sample + TOKEN_STREAM, this.key0, this.key1);
  }

  tokens(
    sample: number,
    step: number,
    position: number,
    ids: Int32Array,
    count: number,
    out: Float64Array,
  ): void {
    const block = this.#block;
    // As 32-bit integers: in a loop that begins with doubles, the arithmetic stays with doubles.
    const stream = (sample + TOKEN_STREAM) | 0;
    const key0 = this.key0 | 0;
    const key1 = this.key1 | 0;
    for (let i = 0; i < count;) {
      const pair = ids[i] >>> 1;
      philox4x32(block, pair, position, step, stream, key0, key1);
      if ((ids[i] & 1) === 0) out[i++] = toDouble(block[0], block[1]);
      if (i < count && ids[i] === 2 * pair + 1) out[i++] = toDouble(block[2], block[3]);
    }
  }
}

/**
 * Tells whether noise is the default one. A class derived from `PhiloxNoise` does not count: it may
 * give other numbers.
 */
export function isPhilox(noise: NoiseSource): noise is PhiloxNoise {
  return Object.getPrototypeOf(noise) === PhiloxNoise.prototype;
}

/**
 * Keeps the last block, because neighbours share one and are mostly asked for one after the other.
 */
class BlockMemo {
  readonly #block = new Uint32Array(4);
  #c0 = -1;
  #c1 = -1;
  #c2 = -1;
  #c3 = -1;

  /** Returns the even or odd double of block `index div 2`. */
  double(index: number, c1: number, c2: number, c3: number, key0: number, key1: number): number {
    const c0 = index >>> 1;
    const block = this.#block;
    if (c0 !== this.#c0 || c1 !== this.#c1 || c2 !== this.#c2 || c3 !== this.#c3) {
      philox4x32(block, c0, c1, c2, c3, key0, key1);
      this.#c0 = c0;
      this.#c1 = c1;
      this.#c2 = c2;
      this.#c3 = c3;
    }
    return (index & 1) === 0 ? toDouble(block[0], block[1]) : toDouble(block[2], block[3]);
  }
}

/** Makes 53 of 64 bits a double in [0, 1): 27 from the high word, 26 from the low one. */
function toDouble(high: number, low: number): number {
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) * 2 ** -53;
}
