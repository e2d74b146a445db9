/**
 * Runs the exponential race over the tokens of a nucleus (`plainRows.ts`), eight Philox blocks at a
 * time, which are sixteen tokens. Philox, and the numbers made of its words, are as in `philox.ts`
 * and `noise.ts`.
 */
import { WORDS, held, list } from "./layout";
import { edge, lastTie } from "./nucleus";

/** The host's log1p, so that both implementations have the same bits; few tokens need it. */
declare function log1p(x: f64): f64;

const MULTIPLIER_0: i32 = 0xd2511f53;
const MULTIPLIER_1: i32 = 0xcd9e8d57;
const WEYL_0: i32 = 0x9e3779b9;
const WEYL_1: i32 = 0xbb67ae85;
const ROUNDS: i32 = 10;

let best: f64 = 0;
let second: f64 = 0;
let token: i32 = 0;

/**
 * Runs the race.
 * @param pairs how many pairs of ids are listed.
 * @param weights by id.
 * @returns the token that wins.
 */
export function race(
  weights: usize,
  pairs: u32,
  position: i32,
  step: i32,
  stream: i32,
  key0: i32,
  key1: i32,
): i32 {
  best = Infinity;
  second = Infinity;
  token = 0;
  const end = list + 4 * <usize>pairs;
  // The last eight are filled up with the last pair: a token that runs twice beats nobody twice.
  const filling = i32x4.splat(load<i32>(end - 4));
  v128.store(end, filling);
  v128.store(end, filling, 16);
  const multiplier0 = held(i32x4.splat(MULTIPLIER_0));
  const multiplier1 = held(i32x4.splat(MULTIPLIER_1));
  const weyl0 = held(i32x4.splat(WEYL_0));
  const weyl1 = held(i32x4.splat(WEYL_1));
  for (let at = list; at < end; at += 32) {
    // Works on two times four blocks, because each round waits for the one before.
    let a0 = v128.load(at);
    let b0 = v128.load(at, 16);
    let a1 = i32x4.splat(position);
    let b1 = a1;
    let a2 = i32x4.splat(step);
    let b2 = a2;
    let a3 = i32x4.splat(stream);
    let b3 = a3;
    let k0 = i32x4.splat(key0);
    let k1 = i32x4.splat(key1);
    for (let round = 0; round < ROUNDS; round++) {
      const a0Low = i64x2.extmul_low_i32x4_u(a0, multiplier0);
      const a0High = i64x2.extmul_high_i32x4_u(a0, multiplier0);
      const a2Low = i64x2.extmul_low_i32x4_u(a2, multiplier1);
      const a2High = i64x2.extmul_high_i32x4_u(a2, multiplier1);
      const b0Low = i64x2.extmul_low_i32x4_u(b0, multiplier0);
      const b0High = i64x2.extmul_high_i32x4_u(b0, multiplier0);
      const b2Low = i64x2.extmul_low_i32x4_u(b2, multiplier1);
      const b2High = i64x2.extmul_high_i32x4_u(b2, multiplier1);
      a0 = v128.xor(upper(a2Low, a2High), v128.xor(a1, k0));
      b0 = v128.xor(upper(b2Low, b2High), v128.xor(b1, k0));
      a2 = v128.xor(upper(a0Low, a0High), v128.xor(a3, k1));
      b2 = v128.xor(upper(b0Low, b0High), v128.xor(b3, k1));
      a1 = lower(a2Low, a2High);
      b1 = lower(b2Low, b2High);
      a3 = lower(a0Low, a0High);
      b3 = lower(b0Low, b0High);
      k0 = i32x4.add(k0, weyl0);
      k1 = i32x4.add(k1, weyl1);
    }
    if (!allLose(weights, at, a0, a2)) enterFour(weights, at, a0, a1, a2, a3);
    if (!allLose(weights, at + 16, b0, b2)) enterFour(weights, at + 16, b0, b1, b2, b3);
  }
  return token;
}

/** Returns the time of the runner-up divided by the winner's; Infinity where one token ran. */
export function lead(): f64 {
  return second / best;
}

/**
 * Tells whether eight tokens all come third or later. It takes u by its upper 27 bits alone: that
 * is a little less than u, so a token that loses with it loses with u.
 */
function allLose(weights: usize, at: usize, c0: v128, c2: v128): bool {
  const bound = f64x2.splat(second * 134217728);
  const pair0 = v128.load(weights + 16 * <usize>load<u32>(at));
  const pair1 = v128.load(weights + 16 * <usize>load<u32>(at, 4));
  const pair2 = v128.load(weights + 16 * <usize>load<u32>(at, 8));
  const pair3 = v128.load(weights + 16 * <usize>load<u32>(at, 12));
  const even = i32x4.shr_u(c0, 5);
  const odd = i32x4.shr_u(c2, 5);
  const even23 = v128.shuffle<i32>(even, even, 2, 3, 2, 3);
  const odd23 = v128.shuffle<i32>(odd, odd, 2, 3, 2, 3);
  const lost01 = v128.and(
    loses(even, v128.shuffle<f64>(pair0, pair1, 0, 2), bound),
    loses(odd, v128.shuffle<f64>(pair0, pair1, 1, 3), bound),
  );
  const lost23 = v128.and(
    loses(even23, v128.shuffle<f64>(pair2, pair3, 0, 2), bound),
    loses(odd23, v128.shuffle<f64>(pair2, pair3, 1, 3), bound),
  );
  return i64x2.all_true(v128.and(lost01, lost23));
}

function enterFour(weights: usize, at: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  v128.store(WORDS, c0);
  v128.store(WORDS, c1, 16);
  v128.store(WORDS, c2, 32);
  v128.store(WORDS, c3, 48);
  for (let block: usize = 0; block < 16; block += 4) {
    const id = load<i32>(at + block) << 1;
    enter(weights, id, load<u32>(WORDS + block), load<u32>(WORDS + block, 16));
    enter(weights, id + 1, load<u32>(WORDS + block, 32), load<u32>(WORDS + block, 48));
  }
}

function loses(u: v128, weight: v128, bound: v128): v128 {
  return f64x2.gt(f64x2.convert_low_i32x4_s(u), f64x2.mul(bound, weight));
}

function enter(weights: usize, id: i32, high: u32, low: u32): void {
  const weight = load<f64>(weights + 8 * <usize>id);
  if (!(weight > edge || (weight == edge && id <= lastTie))) return;
  const u = (<f64>(high >> 5) * 67108864 + <f64>(low >> 6)) * (1.0 / 9007199254740992);
  if (u > second * weight) return;
  const time = -log1p(-u) / weight;
  if (time < best) {
    second = best;
    best = time;
    token = id;
  } else if (time < second && id != token) {
    second = time;
  }
}

function lower(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

function upper(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}
