/**
 * An ask-first strategy, enumerated: the exact distribution of all texts before every step, where each position
 * changes by chances that depend on its own row. It shares nothing with the sampler under test.
 */
import type { TokenId } from "../../../src/sampler/index.ts";
import type { Logits } from "./tableDenoiser.ts";

/** Deliberate errors, to show that the tests would find them. */
export type RowMistake =
  | "the network sees the remasks of the same step"
  | "nothing is redrawn"
  | "doubt is about the likeliest token"
  | "the last step takes the likeliest token"
  | "the nucleus is left out"
  | "what a window keeps may change"
  | "pinned positions change"
  | "time stands still";

/** What a strategy does to one position in the step from t to s; the chances of a token add up to 1 at most. */
export interface RowChances {
  /** @param most probability of the likeliest token. */
  readonly reveal: (most: number, t: number, s: number) => number;
  /** @param own probability that the token which stands there has now. */
  readonly remask: (own: number, t: number) => number;
  readonly redraw: (own: number, t: number) => number;
}

export interface RowChain {
  readonly chances: RowChances;
  /** [T + 1] */
  readonly times: readonly number[];
  readonly topP: number;
  readonly lastStep: "argmax" | "draw";
  /** Of a window. */
  readonly length: number;
  readonly stride: number;
  readonly strides: number;
  readonly maskId: TokenId;
  readonly logits: Logits;
  readonly pinned: ReadonlyMap<number, TokenId>;
  readonly mistake: RowMistake | undefined;
}

type Text = readonly TokenId[];
type Distribution = Map<string, number>;

/** @returns for each step over all windows, and for the end, the probability of each text (`tokens.join()`) before it. */
export function enumerateRows(chain: RowChain): Distribution[] {
  const { length, stride, strides, times, maskId, pinned } = chain;
  const start = Array.from(
    { length: length + stride * strides },
    (_, i) => pinned.get(i) ?? maskId,
  );
  const history: Distribution[] = [new Map([[start.join(), 1]])];
  for (let w = 0; w <= strides; w++) {
    for (let i = 0; i < times.length; i++) {
      const next: Distribution = new Map();
      for (const [key, probability] of history[history.length - 1]) {
        for (const [after, q] of following(chain, key.split(",").map(Number), w, i)) {
          const into = after.join();
          next.set(into, (next.get(into) ?? 0) + probability * q);
        }
      }
      history.push(next);
    }
  }
  return history;
}

/** Every text that can follow in step i of window w, by one independent draw a position. */
export function* following(
  chain: RowChain,
  text: Text,
  w: number,
  i: number,
): Generator<[Text, number]> {
  const { length, stride, pinned, mistake } = chain;
  const begin = w * stride;
  const isFree = (at: number): boolean => {
    if (mistake === "what a window keeps may change") return w > 0 || !pinned.has(at);
    if (mistake === "pinned positions change") return w === 0 || at >= length - stride;
    return w === 0 ? !pinned.has(at) : at >= length - stride;
  };
  const free = Array.from({ length }, (_, at) => at).filter(isFree);
  yield* drawn(chain, text, begin, free, i, text);
}

function* drawn(
  chain: RowChain,
  text: Text,
  begin: number,
  free: readonly number[],
  i: number,
  after: Text,
): Generator<[Text, number]> {
  if (free.length === 0) {
    yield [after, 1];
    return;
  }
  const [at, ...rest] = free;
  const sees = chain.mistake === "the network sees the remasks of the same step" ? after : text;
  for (const [token, q] of outcomes(chain, sees, text, begin, at, i)) {
    for (const [whole, r] of drawn(chain, text, begin, rest, i, after.with(begin + at, token))) {
      yield [whole, q * r];
    }
  }
}

/** What becomes of one position, and with what probability. */
function outcomes(
  chain: RowChain,
  sees: Text,
  text: Text,
  begin: number,
  at: number,
  i: number,
): [TokenId, number][] {
  const { chances, times, length, maskId, logits, mistake } = chain;
  const t = mistake === "time stands still" ? 1 : times[i];
  const sigma = Math.fround(-Math.log(1 - (1 - 1e-3) * t));
  const row = softmax(logits(sees.slice(begin, begin + length), sigma, at), maskId);
  const token = text[begin + at];
  const most = Math.max(...row);
  const kept = nucleus(row, chain);
  const draws = (chance: number): [TokenId, number][] =>
    kept.map((p, v): [TokenId, number] => [v, chance * p]).filter(([, q]) => q > 0);
  if (i === times.length - 1) {
    if (token !== maskId) return [[token, 1]];
    const argmax =
      chain.lastStep === "argmax" || mistake === "the last step takes the likeliest token";
    return argmax ? [[row.indexOf(most), 1]] : draws(1);
  }
  if (token === maskId) {
    const reveal = chances.reveal(most, t, times[i + 1]);
    return [...draws(reveal), [maskId, 1 - reveal]];
  }
  const own = mistake === "doubt is about the likeliest token" ? most : row[token];
  const remask = chances.remask(own, t);
  const redraw = mistake === "nothing is redrawn" ? 0 : chances.redraw(own, t);
  return [...draws(redraw), [maskId, remask], [token, 1 - remask - redraw]];
}

function softmax(logits: Float32Array, maskId: TokenId): number[] {
  const weights = Array.from(logits, (logit, v) => (v === maskId ? 0 : Math.exp(logit)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** The tokens whose cumulative probability stays within p, one at least, as the original's code has it. */
function nucleus(p: readonly number[], { topP, mistake }: RowChain): number[] {
  if (topP === 1 || mistake === "the nucleus is left out") return [...p];
  const kept = new Set<number>();
  let cumulative = 0;
  for (const v of p.map((_, v) => v).sort((v, w) => p[w] - p[v])) {
    cumulative += p[v];
    if (kept.size === 0 || cumulative <= topP) kept.add(v);
  }
  const total = [...kept].reduce((sum, v) => sum + p[v], 0);
  return p.map((x, v) => (kept.has(v) ? x / total : 0));
}
