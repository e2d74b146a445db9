/**
 * Strategies in which rows say what is revealed, enumerated: the exact distribution of all texts
 * before every step. Each rule is written down from its paper, and none of it is the sampler's.
 */
import type { TokenId } from "../../../src/sampler/index.ts";
import type { Logits } from "./tableDenoiser.ts";

/** How tokens are drawn from a row: temperature, then top-k, then the original's nucleus. */
export interface Drawing {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
}

/** A position, with what the network says about it. */
export interface Place {
  readonly at: number;
  readonly token: TokenId;
  readonly masked: boolean;
  /** [V] the softmax of the row without the mask's column. */
  readonly p: readonly number[];
  /** The token that it would become. */
  readonly drawn: TokenId;
  /** [V] the distribution that `drawn` is drawn from. */
  readonly q: readonly number[];
  /** What the rule remembers of it since its token was drawn. */
  readonly memory: number;
}

export interface Moment {
  readonly index: number;
  readonly steps: number;
  readonly t: number;
  readonly s: number;
  /** Number of positions that are not pinned. */
  readonly free: number;
  /** Steps before this one that began without a mask. */
  readonly after: number;
}

export interface Outcome {
  readonly chance: number;
  readonly reveal: readonly number[];
  readonly remask?: readonly number[];
  readonly redraw?: readonly number[];
}

export interface Rule {
  /** Takes as many steps as it needs: time is the share of masks. */
  readonly untimed?: boolean;
  /** Steps of an untimed rule once nothing is masked. */
  readonly after?: number;
  /** Selects what is remasked before the network is asked. */
  readonly first?: (moment: Moment, places: readonly Known[]) => readonly number[];
  readonly select: (moment: Moment, places: readonly Place[]) => readonly Outcome[];
  /** What is remembered of a masked position that is revealed, or filled in. */
  readonly remember?: (place: Place) => number;
}

type Known = Pick<Place, "at" | "token" | "masked" | "memory">;

export interface OrderChain {
  readonly rule: Rule;
  /** [T + 1] */
  readonly times: readonly number[];
  readonly drawing: Drawing;
  /** Of a window. */
  readonly length: number;
  readonly stride: number;
  readonly strides: number;
  /** Tokens of a block; absent: there are no blocks. */
  readonly blockLength?: number;
  readonly maskId: TokenId;
  readonly logits: Logits;
  readonly pinned: ReadonlyMap<number, TokenId>;
}

interface State {
  readonly text: readonly TokenId[];
  readonly memory: readonly number[];
  /** Steps of an untimed rule that began without a mask, and whether the last one changed nothing. */
  readonly after: number;
  readonly settled: boolean;
}

type Distribution = Map<string, number>;
type States = Map<string, { readonly state: State; readonly chance: number }>;

/** @returns for each step over all windows or blocks, and for the end, the chance of each text before it. */
export function enumerateOrder(chain: OrderChain): Distribution[] {
  const { length, stride, strides, blockLength = length, pinned, maskId, rule } = chain;
  const total = length + stride * strides;
  const text = Array.from({ length: total }, (_, i) => pinned.get(i) ?? maskId);
  const begin = { text, memory: text.map(() => 0), after: 0, settled: false };
  let states: States = new Map([["", { state: begin, chance: 1 }]]);
  const history = [marginal(states)];
  const steps = rule.untimed === true ? blockLength + (rule.after ?? 0) : chain.times.length - 1;
  const blocks = Math.ceil((length - givenOf(chain)) / blockLength);
  for (let w = 0; w < blocks + strides; w++) {
    for (let i = 0; i <= steps; i++) {
      const next: States = new Map();
      for (const { state, chance } of states.values()) {
        const fresh = i === 0 ? { ...state, after: 0, settled: false } : state;
        for (const [into, q] of following(chain, fresh, w, i, steps)) add(next, into, chance * q);
      }
      states = next;
      history.push(marginal(states));
    }
  }
  return history;
}

function marginal(states: States): Distribution {
  const texts: Distribution = new Map();
  for (const { state, chance } of states.values()) {
    texts.set(state.text.join(), (texts.get(state.text.join()) ?? 0) + chance);
  }
  return texts;
}

function add(states: States, state: State, chance: number): void {
  const memory = state.memory.map((one) => one.toPrecision(9));
  const key = [state.text, memory, state.after, state.settled].join(";");
  states.set(key, { state, chance: chance + (states.get(key)?.chance ?? 0) });
}

function* following(
  chain: OrderChain,
  state: State,
  w: number,
  i: number,
  steps: number,
): Generator<[State, number]> {
  const { rule, maskId } = chain;
  const free = freeOf(chain, w);
  const isMasked = (at: number) => state.text[at] === maskId;
  const masks = free.filter(isMasked).length;
  if (i === steps) {
    yield [removed(chain, state, free, w), 1];
    return;
  }
  const { untimed = false, after = 0 } = rule;
  if (untimed && masks === 0 && (state.settled || state.after >= after)) {
    yield [state, 1];
    return;
  }
  const [t, s] = untimed
    ? [masks / free.length, Math.max(0, masks - 1) / free.length]
    : [chain.times[i], chain.times[i + 1]];
  const moment = { index: i, steps, t, s, free: free.length, after: state.after };
  const known = free.map((at) => ({
    at,
    token: state.text[at],
    masked: isMasked(at),
    memory: state.memory[at],
  }));
  const first = rule.first?.(moment, known) ?? [];
  const text = state.text.map((token, at) => (first.includes(at) ? maskId : token));
  for (const [places, q] of drawings(chain, { ...state, text }, free, w, t)) {
    for (const outcome of rule.select(moment, places)) {
      yield [changed(chain, { ...state, text }, places, outcome, masks === 0), q * outcome.chance];
    }
  }
}

/** The final noise removal: the likeliest token at every mask. */
function removed(chain: OrderChain, state: State, free: readonly number[], w: number): State {
  const time = chain.rule.untimed === true ? 0 : chain.times[chain.times.length - 1];
  const text = state.text.map((token, at) => {
    if (!free.includes(at) || token !== chain.maskId) return token;
    const p = rowAt(chain, state.text, w, at, time);
    return p.indexOf(Math.max(...p));
  });
  return { ...state, text };
}

function changed(
  { rule, maskId }: OrderChain,
  state: State,
  places: readonly Place[],
  { reveal, remask = [], redraw = [] }: Outcome,
  beganFull: boolean,
): State {
  const text = [...state.text];
  const memory = [...state.memory];
  for (const place of places) {
    const comes = reveal.includes(place.at) || redraw.includes(place.at);
    if (comes || (place.masked && remask.includes(place.at))) {
      memory[place.at] = rule.remember?.(place) ?? 0;
    }
    if (comes) text[place.at] = place.drawn;
    if (remask.includes(place.at)) {
      text[place.at] = maskId;
      memory[place.at] = 0;
    }
  }
  const settled = reveal.length + remask.length + redraw.length === 0;
  return { text, memory, after: state.after + Number(beganFull), settled };
}

/** Every joint draw of tokens at all free positions, with its chance. */
function* drawings(
  chain: OrderChain,
  state: State,
  free: readonly number[],
  w: number,
  t: number,
): Generator<[Place[], number]> {
  const rows = free.map((at) => {
    const p = rowAt(chain, state.text, w, at, t);
    return { at, p, q: drawFrom(p, chain.drawing) };
  });
  function* from(n: number): Generator<[Place[], number]> {
    if (n === rows.length) {
      yield [[], 1];
      return;
    }
    const { at, p, q } = rows[n];
    for (const [rest, chance] of from(n + 1)) {
      for (const [drawn, own] of q.entries()) {
        if (own === 0) continue;
        const token = state.text[at];
        const masked = token === chain.maskId;
        const place = { at, token, masked, p, q, drawn, memory: state.memory[at] };
        yield [[place, ...rest], own * chance];
      }
    }
  }
  yield* from(0);
}

function givenOf({ pinned }: OrderChain): number {
  let given = 0;
  while (pinned.has(given)) given++;
  return given;
}

function freeOf(chain: OrderChain, w: number): number[] {
  const { length, stride, blockLength, pinned } = chain;
  const all = Array.from({ length }, (_, at) => at);
  if (blockLength !== undefined) {
    const begin = givenOf(chain) + w * blockLength;
    return all.slice(begin, begin + blockLength).filter((at) => !pinned.has(at));
  }
  if (w === 0) return all.filter((at) => !pinned.has(at));
  return all.slice(length - stride).map((at) => at + w * stride);
}

/** [V] the network's distribution at a position of the text. */
function rowAt(
  { length, stride, logits, maskId }: OrderChain,
  text: readonly TokenId[],
  w: number,
  at: number,
  t: number,
): number[] {
  const begin = w * stride;
  const sigma = Math.fround(-Math.log(1 - (1 - 1e-3) * t));
  const row = logits(text.slice(begin, begin + length), sigma, at - begin);
  return normalized(Array.from(row, (logit, v) => (v === maskId ? 0 : Math.exp(logit))));
}

function drawFrom(p: readonly number[], { temperature = 1, topK = Infinity, topP = 1 }: Drawing) {
  const order = [...p.keys()].sort((v, w) => p[w] - p[v]);
  if (temperature === 0) return p.map((_, v) => Number(v === order[0]));
  const tempered = p.map((one, v) => (order.indexOf(v) < topK ? one ** (1 / temperature) : 0));
  const q = normalized(tempered);
  let sum = 0;
  const kept = order.filter((v, rank) => {
    sum += q[v];
    return topP === 1 || rank === 0 || sum <= topP;
  });
  return normalized(q.map((one, v) => (kept.includes(v) ? one : 0)));
}

function normalized(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
