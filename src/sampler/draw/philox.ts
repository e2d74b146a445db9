/**
 * Philox 4x32-10 is a counter-based random generator (Salmon et al., "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011, section 3): a keyed bijection of a 128-bit counter. It has no state to
 * advance, so the draw of any (sample, step, position) is computed on its own, in any order.
 */

/**
 * Taken once: looking up a global costs much in the loop where globals are intercepted (`node:vm`,
 * so jest).
 */
const { imul } = Math;

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

const M0_LOW = MULTIPLIER_0 & 0xffff;
const M0_HIGH = MULTIPLIER_0 >>> 16;
const M1_LOW = MULTIPLIER_1 & 0xffff;
const M1_HIGH = MULTIPLIER_1 >>> 16;

/**
 * Encrypts one counter.
 * @param out receives the block: 4 words.
 * @param c0 to c3: the counter, word 0 first, each read modulo 2^32.
 * @param k0 and k1: the key, low word first, each read modulo 2^32.
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0_LOW, M0_HIGH, c0);
    const low0 = imul(MULTIPLIER_0, c0);
    const high1 = mulHigh(M1_LOW, M1_HIGH, c2);
    const low1 = imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * Returns the high word of a 32 x 32 bit product, from 16-bit halves: every partial sum fits 32
 * bits.
 */
function mulHigh(aLow: number, aHigh: number, b: number): number {
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (imul(aHigh, bLow) + (imul(aLow, bLow) >>> 16)) >>> 0;
  const carry = (imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}
