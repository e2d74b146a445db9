/**
 * `TorchGenerator` is PyTorch's CPU generator: MT19937 (Matsumoto and Nishimura, 1998), with the
 * numbers that `torch.rand` and `torch.distributions.Gumbel` make of its words. The uniforms are
 * PyTorch's bit for bit. A Gumbel draw goes through two float32 logarithms that PyTorch takes from
 * Intel MKL, whose last bit depends on the CPU: ours are rounded correctly.
 */

const SIZE = 624;
const OFFSET = 397;
/** The end points that PyTorch gives the uniform draw of a float32 Gumbel variable. */
const FLOAT_TINY = 2 ** -126;
const GUMBEL_WIDTH = 1 - 2 ** -23;

export class TorchGenerator {
  readonly #state: Uint32Array;
  #next = SIZE;

  /** @param seed as of `torch.manual_seed`, which uses its lowest 32 bits. */
  constructor(seed: bigint) {
    const state = new Uint32Array(SIZE);
    state[0] = Number(seed & 0xffffffffn);
    for (let i = 1; i < SIZE; i++) {
      state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    }
    this.#state = state;
  }

  /** Returns another generator that goes on from here. */
  clone(): TorchGenerator {
    const copy = new TorchGenerator(0n);
    copy.#state.set(this.#state);
    copy.#next = this.#next;
    return copy;
  }

  /** Returns the next number of `torch.rand(dtype=float64)`: 53 of 64 bits, in [0, 1). */
  float64(): number {
    const high = this.#word();
    const low = this.#word();
    return ((high & 0x1fffff) * 0x100000000 + low) / 0x20000000000000;
  }

  /** Returns the next number of `torch.rand(dtype=float32)`: 24 of 32 bits, in [0, 1). */
  float32(): number {
    return (this.#word() & 0xffffff) / 0x1000000;
  }

  /** Returns the next number of `torch.distributions.Gumbel(0, 1).sample()`, float32. */
  gumbel32(): number {
    const u = Math.fround(Math.fround(this.float32() * GUMBEL_WIDTH) + FLOAT_TINY);
    return -Math.fround(Math.log(-Math.fround(Math.log(u))));
  }

  /** Returns the next number of `torch.randint(0, n)`, for n below 2^28. */
  integer(n: number): number {
    return this.#word() % n;
  }

  /** Passes over `count` float32 draws. */
  skip32(count: number): void {
    for (let i = 0; i < count; i++) this.#word();
  }

  #word(): number {
    if (this.#next === SIZE) this.#twist();
    let y = this.#state[this.#next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + OFFSET) % SIZE] ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
    }
    this.#next = 0;
  }
}
