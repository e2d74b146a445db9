/**
 * The row sampler in WebAssembly SIMD draws from one row of logits, bit for bit as the plain
 * TypeScript does (`plainRows.ts`, `nucleus.ts`). It uses no fused or relaxed operation, because
 * their bits depend on the machine. Language: AssemblyScript. `npm run kernel` compiles it into
 * `binary.ts`.
 */
import { FRACTIONS, ROW, list, reserve, spread, weights } from "./layout";
import { listPairs, mass, select, setRule, spreadPairs } from "./nucleus";
import { lead as leadOfRace, race } from "./race";
import { weigh } from "./weigh";

let vocabSize: u32 = 0;
let maskId: u32 = 0;
let inverse: f64 = 1;
let drawn: f64 = 0;
let whole: f64 = 0;
let peak: f64 = 0;

/**
 * Must be called once, before all else.
 * @param inverted 1 / temperature, finite and above 0.
 * @returns whether there was memory for it.
 */
export function open(columns: u32, mask: u32, topP: f64, keepsCrossing: bool, inverted: f64): bool {
  vocabSize = columns;
  maskId = mask;
  inverse = inverted;
  setRule(topP, keepsCrossing);
  return reserve(columns);
}

export function fractionsAt(): usize {
  return FRACTIONS;
}

export function rowAt(): usize {
  return ROW;
}

export function idsAt(): usize {
  return list;
}

/** Draws from the row. @returns the token, or -1 for a row that has no distribution. */
export function draw(position: i32, step: i32, stream: i32, key0: i32, key1: i32): i32 {
  if (!(measure() > 0)) return -1;
  const listed = inverse == 1 ? whole : weighAll(inverse);
  store<f64>(weights + 8 * <usize>maskId, 0);
  endWeights(vocabSize);
  select(vocabSize, listed, 0);
  return finish(weights, race(weights, listPairs(vocabSize), position, step, stream, key0, key1));
}

/** Weighs the row at temperature 1. @returns {@link total}, or 0 without a distribution. */
export function measure(): f64 {
  store<f32>(ROW + 4 * <usize>maskId, -Infinity);
  endRow(vocabSize);
  peak = likeliest();
  whole = peak > -Infinity ? weighAll(1) : 0;
  return whole;
}

function weighAll(inverted: f64): f64 {
  return weigh(peak, inverted, 0, maskId) + weigh(peak, inverted, maskId + 1, vocabSize);
}

/**
 * Draws from the first `count` logits, whose ids are listed.
 * @param max the largest of these logits.
 * @param least the part of the probability that they must have.
 * @returns the token, or -1 when they have less.
 */
export function drawTop(
  count: u32,
  max: f64,
  rest: f64,
  least: f64,
  position: i32,
  step: i32,
  stream: i32,
  key0: i32,
  key1: i32,
): i32 {
  endRow(count);
  const listed = weigh(max, inverse, 0, count);
  if (listed / (listed + rest) < least) return -1;
  endWeights(count);
  select(count, listed, rest);
  return finish(spread, race(spread, spreadPairs(count), position, step, stream, key0, key1));
}

/** Returns the probability of the token that was drawn last. */
export function probability(): f64 {
  return drawn;
}

/** Returns how far the token that was drawn last won: {@link leadOfRace}. */
export function lead(): f64 {
  return leadOfRace();
}

/** Returns the sum of exp(logit - {@link largest}) of the row that was drawn from last. */
export function total(): f64 {
  return whole;
}

/** Returns the largest logit of that row. */
export function largest(): f64 {
  return peak;
}

function finish(by: usize, token: i32): i32 {
  drawn = load<f64>(by + 8 * <usize>token) / mass;
  return token;
}

function endRow(count: u32): void {
  v128.store(ROW + 4 * <usize>count, f32x4.splat(-Infinity));
}

function endWeights(count: u32): void {
  v128.store(weights + 8 * <usize>count, f64x2.splat(0));
  v128.store(weights + 8 * <usize>count, f64x2.splat(0), 16);
}

/** Returns the largest logit; -Infinity where one is NaN or Infinity. */
function likeliest(): f64 {
  const infinity = f32x4.splat(Infinity);
  let most = f32x4.splat(-Infinity);
  let finite = f32x4.eq(most, most);
  const end = ROW + 4 * <usize>vocabSize;
  for (let at = ROW; at < end; at += 16) {
    const logits = v128.load(at);
    finite = v128.and(finite, f32x4.lt(logits, infinity));
    most = f32x4.pmax(most, logits);
  }
  if (!i32x4.all_true(finite)) return -Infinity;
  const two = f32x4.pmax(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
  return <f64>max(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
}
