/**
 * Finds which of the first `count` weights a nucleus keeps, as `draw/nucleus.ts` does, with the
 * same operations in the same order wherever the last bits of a sum may decide.
 */
import { BUCKETS, PARTS, list, spread, weights } from "./layout";

const BUCKET_COUNT: i32 = 1024;
const KEY_OF_ONE: i32 = 0x3ff0;
const PART_COUNT: i32 = 256;
const SAMPLED: u32 = 16;
const SMALLEST: f64 = 2.2250738585072014e-308;

/** The smallest weight that is kept. */
export let edge: f64 = 0;
/** The last index at which a weight that is equal to the edge is kept. */
export let lastTie: i32 = 0;
/** Sum of the kept weights. */
export let mass: f64 = 0;

let topP: f64 = 1;
let keepsCrossing: bool = false;
let total: f64 = 0;
let low: f64 = 0;
let high: f64 = 0;
let contested: u32 = 0;

export function setRule(p: f64, keepsTheCrossingToken: bool): void {
  topP = p;
  keepsCrossing = keepsTheCrossingToken;
}

/**
 * Sets the edge, the last tie and the mass.
 * @param rest what belongs to the denominator but cannot be kept.
 */
export function select(count: u32, listed: f64, rest: f64): void {
  total = listed + rest;
  edge = SMALLEST;
  lastTie = i32.MAX_VALUE;
  mass = listed;
  if (topP >= 1) return;
  guess(count, rest);
  if (!split(count)) {
    if (fits(mass)) {
      high = low;
      low = SMALLEST;
    } else {
      low = high;
      high = Infinity;
    }
    if (!split(count)) {
      mass = listed;
      return;
    }
  }
  narrow(count);
}

/** As `nucleusGuess.ts`. */
function guess(count: u32, rest: f64): void {
  memory.fill(BUCKETS, 0, BUCKET_COUNT << 3);
  for (let i: u32 = 0; i < count; i += SAMPLED) {
    const weight = load<f64>(weights + 8 * <usize>i);
    const bucket = BUCKETS + ((<usize>bucketOf(weight)) << 3);
    store<f64>(bucket, load<f64>(bucket) + weight);
  }
  const sampled = ((1 - topP) * total) / SAMPLED;
  let below = rest / SAMPLED;
  let bucket = BUCKET_COUNT - 1;
  low = below > 0 ? SMALLEST : Infinity;
  for (; bucket >= 0 && below <= 0.75 * sampled; bucket--) {
    const added = massOf(BUCKETS, bucket);
    if (added > 0) low = lowest(bucket);
    below += added;
  }
  for (; bucket >= 0 && below <= 1.25 * sampled; bucket--) below += massOf(BUCKETS, bucket);
  high = bucket < 0 ? Infinity : lowest(bucket);
}

/** Copies the weights between `low` and `high`. @returns whether p is crossed among them. */
function split(count: u32): bool {
  const lows = f64x2.splat(low);
  const highs = f64x2.splat(high);
  let above0 = f64x2.splat(0);
  let above1 = f64x2.splat(0);
  let reach0 = f64x2.splat(0);
  let reach1 = f64x2.splat(0);
  const end = weights + 8 * <usize>count;
  let place = spread;
  for (let from = weights; from < end; from += 32) {
    const first = v128.load(from);
    const second = v128.load(from, 16);
    const inReach0 = f64x2.ge(first, lows);
    const inReach1 = f64x2.ge(second, lows);
    if (!v128.any_true(v128.or(inReach0, inReach1))) continue;
    const isAbove0 = f64x2.ge(first, highs);
    const isAbove1 = f64x2.ge(second, highs);
    reach0 = f64x2.add(reach0, v128.and(first, inReach0));
    reach1 = f64x2.add(reach1, v128.and(second, inReach1));
    above0 = f64x2.add(above0, v128.and(first, isAbove0));
    above1 = f64x2.add(above1, v128.and(second, isAbove1));
    place = append(place, first, i64x2.bitmask(v128.andnot(inReach0, isAbove0)));
    place = append(place, second, i64x2.bitmask(v128.andnot(inReach1, isAbove1)));
  }
  contested = <u32>((place - spread) >> 3);
  mass = sumOf(f64x2.add(above0, above1));
  return fits(mass) && !fits(sumOf(f64x2.add(reach0, reach1)));
}

/** Appends without a branch, because it is hard to predict which weights are contested. */
function append(place: usize, pair: v128, chosen: i32): usize {
  v128.store64_lane(place, pair, 0);
  place += ((<usize>chosen) & 1) << 3;
  v128.store64_lane(place, pair, 1);
  return place + (((<usize>chosen) >> 1) << 3);
}

function sumOf(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}

function narrow(count: u32): void {
  for (;;) {
    const end = spread + 8 * <usize>contested;
    // The last pair is filled up with the first weight.
    store<f64>(end, load<f64>(spread));
    let leasts = v128.load(spread);
    let mosts = leasts;
    for (let at = spread; at < end; at += 16) {
      const pair = v128.load(at);
      leasts = f64x2.pmin(leasts, pair);
      mosts = f64x2.pmax(mosts, pair);
    }
    const least = min(f64x2.extract_lane(leasts, 0), f64x2.extract_lane(leasts, 1));
    const most = max(f64x2.extract_lane(mosts, 0), f64x2.extract_lane(mosts, 1));
    if (least == most) {
      tie(most, count);
      return;
    }
    const scale = <f64>PART_COUNT / (most - least);
    memory.fill(PARTS, 0, PART_COUNT << 3);
    for (let at = spread; at < end; at += 8) {
      const weight = load<f64>(at);
      const part = PARTS + ((<usize>partOf(weight, most, scale)) << 3);
      store<f64>(part, load<f64>(part) + weight);
    }
    let crossed = 0;
    while (crossed < PART_COUNT - 1) {
      const next = mass + massOf(PARTS, crossed);
      if (!fits(next)) break;
      mass = next;
      crossed++;
    }
    let place = spread;
    for (let at = spread; at < end; at += 8) {
      const weight = load<f64>(at);
      store<f64>(place, weight);
      place += (<usize>(partOf(weight, most, scale) == crossed)) << 3;
    }
    contested = <u32>((place - spread) >> 3);
  }
}

function tie(weight: f64, count: u32): void {
  const before = mass;
  const equals = <f64>contested;
  let ties = min(equals, floor((topP * total - before) / weight));
  while (ties > 0 && !fits(before + ties * weight)) ties--;
  while (ties < equals && fits(before + (ties + 1) * weight)) ties++;
  if (ties < equals && (keepsCrossing || before + ties == 0)) ties++;
  mass = before + ties * weight;
  edge = weight;
  if (ties < equals) lastTie = indexOf(weight, <u32>ties, count);
}

/** Returns the index of the `nth` weight, from 1, that is equal to this one; -1 for 0. */
function indexOf(weight: f64, nth: u32, count: u32): i32 {
  let i: i32 = -1;
  while (nth > 0 && i < <i32>count) if (load<f64>(weights + 8 * <usize>++i) == weight) nth--;
  return i;
}

/**
 * Lists the pairs of ids, and so the Philox blocks, that have a weight in the nucleus.
 * @returns how many.
 */
export function listPairs(count: u32): u32 {
  const least = f64x2.splat(edge);
  const end = weights + 8 * <usize>count;
  let place = list;
  let pair: u32 = 0;
  for (let from = weights; from < end; from += 16) {
    store<u32>(place, pair++);
    place += (<usize>v128.any_true(f64x2.ge(v128.load(from), least))) << 2;
  }
  return <u32>((place - list) >> 2);
}

/**
 * Does the same for a top row, whose ids are listed: spreads its weights by id, both of each pair,
 * and turns the last tie from an index into an id.
 */
export function spreadPairs(count: u32): u32 {
  const end = <i32>count - 1;
  const tie =
    lastTie > end ? i32.MAX_VALUE : lastTie < 0 ? -1 : load<i32>(list + 4 * <usize>lastTie);
  let size: usize = 0;
  let last: u32 = u32.MAX_VALUE;
  for (let i: u32 = 0; i < count; i++) {
    const weight = load<f64>(weights + 8 * <usize>i);
    if (!(weight >= edge)) continue;
    const id = load<u32>(list + 4 * <usize>i);
    const pair = id >> 1;
    if (pair != last) {
      v128.store(spread + 16 * <usize>pair, f64x2.splat(0));
      store<u32>(list + 4 * size++, pair);
      last = pair;
    }
    store<f64>(spread + 8 * <usize>id, weight);
  }
  lastTie = tie;
  return <u32>size;
}

function fits(sum: f64): bool {
  const probability = sum / total;
  return keepsCrossing ? probability < topP : probability <= topP;
}

function massOf(table: usize, i: i32): f64 {
  return load<f64>(table + ((<usize>i) << 3));
}

function bucketOf(weight: f64): i32 {
  return min(KEY_OF_ONE - <i32>(reinterpret<u64>(weight) >> 48), BUCKET_COUNT - 1);
}

function lowest(bucket: i32): f64 {
  return bucket < BUCKET_COUNT - 1
    ? reinterpret<f64>((<u64>(KEY_OF_ONE - bucket)) << 48)
    : SMALLEST;
}

function partOf(weight: f64, most: f64, scale: f64): i32 {
  return min(<i32>((most - weight) * scale), PART_COUNT - 1);
}
