/**
 * Computes exp(x) for x <= 0 in doubles, several times as fast as `Math.exp`: x = (f - n) ln(2) /
 * 1024 with an integer n and |f| <= 1/2, so exp(x) = 2^-(n div 1024) T[n mod 1024] exp(r) with |r|
 * < 3.4e-4, where the Taylor series up to r^4 is good to 4e-20 (Tang, "Table-driven implementation
 * of the exponential function in IEEE floating-point arithmetic", ACM TOMS 15, 1989). The rounding
 * of the table and of the last sum remains: 1.2 units in the last place.
 *
 * `kernel/assembly/weigh.ts` does the same in WebAssembly, two at a time.
 */

const LOG_STEPS = 10;
const STEPS = 1 << LOG_STEPS;
const STEPS_PER_NAT = STEPS / Math.LN2;
/**
 * ln(2) / 1024 in two parts: the first has so few bits that n times it is exact, the second is the
 * rest.
 */
const STEP_HIGH = 0.6931471803691238 / STEPS;
const STEP_LOW = 1.9082149292705877e-10 / STEPS;
/** 1.5 * 2^52: a number that is added to it and taken out again comes back as an integer. */
const ROUNDER = 6755399441055744;

/** T: 2^(-j / 1024) at j. */
export const FRACTIONS = Float64Array.from({ length: STEPS }, (_, j) => 2 ** (-j / STEPS));
/** 2^-k at k; 0 where exp(x) would no longer be a normal number. */
const POWERS = Float64Array.from({ length: 1024 }, (_, k) => (k < 1022 ? 2 ** -k : 0));
/** exp(x) is taken for 0 below this. */
const LOWEST = -709;

/**
 * Sums are taken first over stretches of this many weights, the even and the odd ones apart:
 * smaller sums lose fewer of their last bits.
 */
const STRETCH = 256;

/**
 * Weighs the logits from `begin` to before `end`.
 * @param max finite, and at least as large as any of these logits.
 * @param inverse 1 / temperature: finite and above 0. At 1 it changes no bit.
 * @param weights receives exp((logit - max) * inverse): 1 for the largest, 0 where the exponent is
 *   below -708.
 * @returns the sum of the weights.
 */
export function weigh(
  row: Float32Array,
  max: number,
  inverse: number,
  begin: number,
  end: number,
  weights: Float64Array,
): number {
  // Local names are faster: the tables of a module are looked up at each use.
  const fractions = FRACTIONS;
  const powers = POWERS;
  let total = 0;
  for (let from = begin; from < end; from += STRETCH) {
    const to = from + STRETCH < end ? from + STRETCH : end;
    let even = 0;
    let odd = 0;
    let id = from;
    for (; id + 1 < to; id += 2) {
      const first = exponential((row[id] - max) * inverse, fractions, powers);
      const second = exponential((row[id + 1] - max) * inverse, fractions, powers);
      weights[id] = first;
      weights[id + 1] = second;
      even += first;
      odd += second;
    }
    if (id < to) {
      weights[id] = exponential((row[id] - max) * inverse, fractions, powers);
      even += weights[id];
    }
    total += even + odd;
  }
  return total;
}

/** exp(distance), for a distance <= 0. */
function exponential(distance: number, fractions: Float64Array, powers: Float64Array): number {
  const x = distance > LOWEST ? distance : LOWEST;
  const n = ROUNDER - x * STEPS_PER_NAT - ROUNDER;
  const r = x + n * STEP_HIGH + n * STEP_LOW;
  const r2 = r * r;
  const series = r + r2 * (1 / 2 + r * (1 / 6) + r2 * (1 / 24));
  const scale = fractions[n & (STEPS - 1)] * powers[n >> LOG_STEPS];
  return scale + scale * series;
}
