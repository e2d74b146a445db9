/**
 * Weighs two logits at a time, as `exponential.ts` does: the same operations in the same order, so
 * the same bits.
 */
import { FRACTIONS, ROW, held, weights } from "./layout";

const LOG_STEPS: i32 = 10;
const STEPS: f64 = 1024;
const LN2: f64 = 0.6931471805599453;
const STEPS_PER_NAT: f64 = STEPS / LN2;
const STEP_HIGH: f64 = 0.6931471803691238 / STEPS;
const STEP_LOW: f64 = 1.9082149292705877e-10 / STEPS;
const ROUNDER: f64 = 6755399441055744;
/** exp(x) is no longer a normal number from here on. */
const LOST_STEPS: f64 = 1022 * STEPS;
const LOWEST: f64 = -709;
const STRETCH: usize = 256;

/**
 * Weighs the logits from `begin` to before `end`; the column at `end` holds -Infinity.
 * @param inverse 1 / temperature.
 * @returns the sum of the weights.
 */
export function weigh(max: f64, inverse: f64, begin: u32, end: u32): f64 {
  const top = f64x2.splat(max);
  const scaling = f64x2.splat(inverse);
  const lowest = held(f64x2.splat(LOWEST));
  const stepsPerNat = held(f64x2.splat(STEPS_PER_NAT));
  const rounder = held(f64x2.splat(ROUNDER));
  const stepHigh = held(f64x2.splat(STEP_HIGH));
  const stepLow = held(f64x2.splat(STEP_LOW));
  const half = held(f64x2.splat(1.0 / 2));
  const sixth = held(f64x2.splat(1.0 / 6));
  const twentyFourth = held(f64x2.splat(1.0 / 24));
  const fractionMask = held(i32x4.splat(<i32>STEPS - 1));
  const lostSteps = held(f64x2.splat(LOST_STEPS));
  const last = ROW + 4 * <usize>end;
  let to = weights + 8 * <usize>begin;
  let from = ROW + 4 * <usize>begin;
  let total: f64 = 0;
  while (from < last) {
    const stop = min(from + 4 * STRETCH, last);
    let sums = f64x2.splat(0);
    for (; from < stop; from += 8) {
      const logits = f64x2.promote_low_f32x4(v128.load64_zero(from));
      const distance = f64x2.mul(f64x2.sub(logits, top), scaling);
      const x = f64x2.pmax(lowest, distance);
      // The lowest bits of this double are those of the integer n.
      const rounded = f64x2.sub(rounder, f64x2.mul(x, stepsPerNat));
      const n = f64x2.sub(rounded, rounder);
      const r = f64x2.add(f64x2.add(x, f64x2.mul(n, stepHigh)), f64x2.mul(n, stepLow));
      const r2 = f64x2.mul(r, r);
      const quartic = f64x2.add(f64x2.add(half, f64x2.mul(r, sixth)), f64x2.mul(r2, twentyFourth));
      const series = f64x2.add(r, f64x2.mul(r2, quartic));
      const places = i32x4.shl(v128.and(rounded, fractionMask), 3);
      const first = v128.load64_zero(i32x4.extract_lane(places, 0), FRACTIONS);
      const fraction = v128.load64_lane(i32x4.extract_lane(places, 2), first, 1, FRACTIONS);
      // Times 2^-(n div 1024): subtracted from the exponent.
      const power = i64x2.shl(i64x2.shr_u(rounded, LOG_STEPS), 52);
      const scale = v128.and(i64x2.sub(fraction, power), f64x2.lt(n, lostSteps));
      const weight = f64x2.add(scale, f64x2.mul(scale, series));
      v128.store(to, weight);
      to += 16;
      sums = f64x2.add(sums, weight);
    }
    total += f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  }
  return total;
}
