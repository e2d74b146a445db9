/**
 * The dense form of every sampler, enumerated: the exact distribution of all sequences after every step. It is written
 * from the original's `q_xs` tensors (`_ddpm_caching_update`, `_dfm_caching_update`, `_sample`) and the paper's
 * posterior, and shares nothing with the sampler under test.
 */
import type { ModelKind, StartOptions, Strategy, TokenId } from "../../../src/sampler/index.ts";
import type { Logits } from "./tableDenoiser.ts";

/** Deliberate errors, to show that the tests would find them. */
export type Mistake =
  | "the network sees the remasks of the same step"
  | "a remasked position is revealed in the same step"
  | "u forgets sigma"
  | "the nucleus keeps the token that crosses p"
  | "confidence ignores psi"
  | "confidence counts pinned positions"
  | "S = 1/(e^sigma - 1)"
  | "top-k acts after the nucleus"
  | "the temperature acts after the nucleus"
  | "a mask keeps the posterior's weights"
  | "a draft keeps all of its tokens";

export interface DenseChain {
  /** Default `mdlm`. */
  readonly kind?: ModelKind;
  /** Of d3pm. */
  readonly subsMasking?: boolean;
  readonly strategy: Strategy;
  readonly steps: number;
  readonly topP: number;
  /** Default 1. */
  readonly temperature?: number;
  /** Default: all. */
  readonly topK?: number;
  readonly length: number;
  readonly vocabSize: number;
  readonly maskId: TokenId;
  readonly logits: Logits;
  readonly pinned?: ReadonlyMap<number, TokenId>;
  /** A draft, and the time that it is taken to. */
  readonly start?: StartOptions;
  /** Tokens of a block; absent: there are no blocks. */
  readonly blockLength?: number;
  /** Whether blocks have fixed places, from the first token on, and do not begin after what is given. */
  readonly ownBlocks?: boolean;
  readonly mistake?: Mistake;
}

/** A sequence, and conf as the original keeps it: minus the probability of a revealed token, -Infinity at masks. */
export interface State {
  readonly tokens: readonly TokenId[];
  readonly conf: readonly number[];
}
type Distribution = Map<string, { readonly state: State; probability: number }>;

/**
 * @returns for step 0 to T + 1 the probability of each sequence (`tokens.join()`) before it; T + 1 is the end. With
 *   blocks, the steps of one after those of the other.
 */
export function enumerate(chain: DenseChain): Map<string, number>[] {
  const { length, maskId, blockLength = length, pinned = new Map<number, TokenId>() } = chain;
  const tokens = Array.from({ length }, (_, i) => pinned.get(i) ?? maskId);
  const counted = chain.mistake === "confidence counts pinned positions";
  const conf = tokens.map((_, i) => (counted && pinned.has(i) ? -1 : -Infinity));
  let now: Distribution = new Map();
  for (const [draft, probability] of drafts(chain, tokens)) {
    add(now, { tokens: draft, conf }, probability);
  }
  const history = [now];
  const times = timesOf(chain);
  let given = 0;
  while (pinned.has(given)) given++;
  const first = chain.ownBlocks === true ? given - (given % blockLength) : given;
  for (let begin = first; begin < length; begin += blockLength) {
    const outside = [...tokens.entries()].filter(
      ([at]) => pinned.has(at) || at < begin || at >= begin + blockLength,
    );
    const block = { ...chain, pinned: new Map(outside) };
    if (begin > first) now = forgotten(now);
    for (const [i, t] of times.entries()) {
      const next: Distribution = new Map();
      for (const { state, probability } of now.values()) {
        const following =
          i === times.length - 1
            ? removals(block, state, t)
            : transitions(block, state, t, times[i + 1]);
        for (const [after, q] of following) add(next, after, probability * q);
      }
      now = next;
      history.push(now);
    }
  }
  return history.map(marginal);
}

/** Every text that a draft can begin as: each of its tokens is masked with the chance 1 - alpha(t0). */
function drafts(
  { start, maskId, mistake }: DenseChain,
  tokens: readonly TokenId[],
): (readonly [readonly TokenId[], number])[] {
  let all: (readonly [readonly TokenId[], number])[] = [[tokens, 1]];
  for (const [position, token] of start?.tokens ?? []) {
    const masked = mistake === "a draft keeps all of its tokens" ? 0 : (start?.time ?? 1);
    all = all.flatMap(([text, q]) => [
      [text.with(position, maskId), q * masked] as const,
      [text.with(position, token), q * (1 - masked)] as const,
    ]);
  }
  return all.filter(([, q]) => q > 0);
}

/** A block begins without confidences. */
function forgotten(now: Distribution): Distribution {
  const next: Distribution = new Map();
  for (const { state, probability } of now.values()) {
    add(next, { ...state, conf: state.conf.map(() => -Infinity) }, probability);
  }
  return next;
}

export function timesOf({ strategy, steps, start }: DenseChain): number[] {
  if (strategy.kind !== "dfm") {
    const begin = start?.time ?? 1;
    return Array.from({ length: steps + 1 }, (_, i) => begin + (i * (1e-5 - begin)) / steps);
  }
  const times = [1];
  let timestep = 1;
  while (timestep > (1 - 1e-5) / steps) {
    const at = 10 * timestep ** 0.25 * (1 - timestep) ** 0.25 + 1;
    const bt = at - 1;
    const dt =
      timestep === 1 ? 1 / steps : Math.min(1 / steps, 1 / (at / timestep + bt / (1 - timestep)));
    timestep -= dt;
    times.push(timestep);
  }
  return times;
}

/** Every sequence that can follow, by one independent draw a position. */
export function* transitions(
  chain: DenseChain,
  state: State,
  t: number,
  s: number,
): Generator<[State, number]> {
  const { maskId, mistake } = chain;
  const seen = predictions(chain, state.tokens, t);
  const rows = state.tokens.map((_, i) => posterior(chain, state, i, seen[i], t, s));
  const pair =
    mistake === "the network sees the remasks of the same step" ||
    mistake === "a remasked position is revealed in the same step";
  if (!pair) {
    yield* product(chain, state, rows, seen);
    return;
  }
  const keeps = rows.map((row, i) => (state.tokens[i] === maskId ? keep(row, maskId) : row));
  for (const [between, q] of product(chain, state, keeps, seen)) {
    const later = predictions(chain, between.tokens, t);
    const reveals = between.tokens.map((token, i) => {
      const masked = token === maskId;
      const wasMasked = state.tokens[i] === maskId;
      const reveal =
        masked && (wasMasked || mistake !== "the network sees the remasks of the same step");
      return reveal ? posterior(chain, between, i, later[i], t, s) : keep(rows[i], token);
    });
    for (const [after, r] of product(chain, between, reveals, later)) yield [after, q * r];
  }
}

function keep(row: readonly number[], token: TokenId): number[] {
  return row.map((_, v) => (v === token ? 1 : 0));
}

function* product(
  chain: DenseChain,
  state: State,
  rows: readonly (readonly number[])[],
  seen: readonly (readonly number[])[],
  i = 0,
): Generator<[State, number]> {
  if (i === rows.length) {
    yield [state, 1];
    return;
  }
  for (let v = 0; v < rows[i].length; v++) {
    if (rows[i][v] <= 0) continue;
    const before = state.tokens[i];
    const confidence = v === before ? state.conf[i] : v === chain.maskId ? -Infinity : -seen[i][v];
    const after = {
      tokens: state.tokens.with(i, v),
      conf: usesConfidence(chain.strategy) ? state.conf.with(i, confidence) : state.conf,
    };
    for (const [rest, q] of product(chain, after, rows, seen, i + 1)) yield [rest, rows[i][v] * q];
  }
}

/** Only then is conf part of the state: without it the chain is small. */
function usesConfidence(strategy: Strategy): boolean {
  return (
    strategy.kind === "remdm-conf" || (strategy.kind === "remdm" && strategy.confidence === true)
  );
}

/** q(z_s | z_t) at one position; weights below 0 never win the original's argmax, so they count as 0. */
function posterior(
  chain: DenseChain,
  state: State,
  i: number,
  pX0: readonly number[],
  t: number,
  s: number,
): number[] {
  const token = state.tokens[i];
  if (chain.pinned?.has(i) === true) return keep(pX0, token);
  const masked = token === chain.maskId;
  const { reveal, stay, remask } = coefficients(chain, state, i, t, s);
  const weights = masked
    ? pX0.map((p, v) => (v === chain.maskId ? stay : p * reveal))
    : pX0.map((_, v) => (v === chain.maskId ? remask : v === token ? 1 - remask : 0));
  const clamped = weights.map((w) => Math.max(0, w));
  const total = clamped.reduce((sum, w) => sum + w, 0);
  return clamped.map((w) => w / total);
}

/** The weights of `p_x0` and of the mask where a mask stands, and that of the mask where a token stands. */
interface Coefficients {
  readonly reveal: number;
  readonly stay: number;
  readonly remask: number;
}

function coefficients(
  chain: DenseChain,
  state: State,
  i: number,
  t: number,
  s: number,
): Coefficients {
  const { strategy } = chain;
  const sigmaMax = t < 1 ? Math.min(1, (1 - (1 - s)) / (1 - t)) : 1;
  const q = (sigma: number, masked = sigma, alphaT = 1 - t, alphaS = 1 - s): Coefficients => {
    const inReveal = chain.mistake === "u forgets sigma" ? 0 : masked;
    return {
      reveal: (alphaS - (1 - inReveal) * alphaT) / (1 - alphaT),
      stay: (1 - alphaS - inReveal * alphaT) / (1 - alphaT),
      remask: sigma,
    };
  };
  switch (strategy.kind) {
    case "mdlm":
    case "ddpm":
      return { reveal: t - s, stay: s, remask: 0 };
    case "analytic": {
      const [sigmaT, sigmaS] = [t, s].map(sigmaAt);
      const grown = Math.exp(sigmaT - sigmaS);
      const scores = scoreSum(chain, state, i, t);
      return { reveal: scores * (grown - 1), stay: grown + (1 - grown) * (scores + 1), remask: 0 };
    }
    case "forward-backward":
      return q(t < 1 ? (t - s) / (1 - t) : 1);
    case "remdm-cap":
      return q(t < 1 ? Math.min(strategy.eta ?? 0.008, s / (1 - t)) : (strategy.eta ?? 0.008));
    case "remdm-rescale":
      return q((strategy.eta ?? 0.015) * sigmaMax);
    case "remdm-conf":
      return q(softmaxConf(chain, state, i) * sigmaMax, 0);
    case "remdm-loop": {
      const { eta = 0.02, tOn = 0.55, tOff = 0.05, alphaOn = 0.9 } = strategy;
      return loop(t, s, tOn, tOff, alphaOn) ?? q(eta, eta, alphaOn, alphaOn);
    }
    case "dfm": {
      if (t === 1) return { reveal: t - s, stay: s, remask: 0 };
      const at = 10 * t ** 0.25 * (1 - t) ** 0.25 + 1;
      const coef1 = (at * (t - s)) / t;
      const coef2 = 1 - (at - 1) * ((1 - s) / (1 - t) - 1);
      return { reveal: coef1, stay: 1 - coef1, remask: 1 - coef2 };
    }
    case "psi": {
      // kappa * posterior + (1 - kappa) * forward noise of x_theta, as `_psi_update` mixes them.
      const kappa = psiKappa(strategy, t, s);
      const reveal = (kappa * (t - s)) / t + (1 - kappa) * (1 - s);
      const isForgotten = chain.mistake === "a mask keeps the posterior's weights";
      const weight = isForgotten ? (t - s) / t : reveal;
      return { reveal: weight, stay: 1 - weight, remask: (1 - kappa) * s };
    }
    case "remdm": {
      const { cap = 1, rescale = 1, confidence = false, window } = strategy;
      const share = confidence ? softmaxConf(chain, state, i) : 1;
      const act = (base: number, alphaT?: number, alphaS?: number) => {
        const sigma = rescale * Math.min(cap, base);
        return q(sigma * share, confidence ? 0 : sigma, alphaT, alphaS);
      };
      if (window === undefined) return act(sigmaMax);
      if (window.kind === "switch") return t > (window.tSwitch ?? 0.55) ? q(0) : act(sigmaMax);
      const { tOn = 0.55, tOff = 0.05, alphaOn = 0.9 } = window;
      const base = Math.min(1, (1 - alphaOn) / alphaOn);
      return loop(t, s, tOn, tOff, alphaOn) ?? act(base, alphaOn, alphaOn);
    }
    default:
      throw new Error(`there is no enumeration of ${strategy.kind} here`);
  }
}

/** The published code's kappas: `_mode_to_psi_kappas`, with the parts of the run told by times. */
function psiKappa(
  { kappa = 0.99, tOn = 1, tOff = 0, ...parts }: Extract<Strategy, { kind: "psi" }>,
  t: number,
  s: number,
): number {
  const isMiddle = t <= tOn && s >= tOff;
  const mode = isMiddle ? parts.middle : t > tOn ? parts.high : parts.low;
  const fromSigma = (sigma: number) => Math.min(1, Math.max(0, 1 - sigma / s));
  switch (mode?.kind) {
    case undefined:
      return isMiddle ? kappa : 1;
    case "constant":
      return mode.kappa ?? 0.99;
    case "capped":
      return fromSigma(Math.min(mode.eta ?? 0.01, s / (1 - t)));
    case "rescaled": {
      const { eta = 0.05 } = mode;
      return fromSigma(Math.min(eta, s / (1 - t)) * eta);
    }
  }
}

function sigmaAt(time: number): number {
  return -Math.log(1 - (1 - 1e-3) * time);
}

/** The sum of a masked position's scores but the mask's own. Original: `get_score`, `_sedd_parameterization`. */
function scoreSum(chain: DenseChain, state: State, i: number, t: number): number {
  const sigma = sigmaAt(t);
  const known = chain.kind !== "sedd" || chain.mistake === "S = 1/(e^sigma - 1)";
  if (known) return Math.exp(-sigma) / (1 - Math.exp(-sigma));
  const row = rowOf(chain, state.tokens, t, i);
  const scores = Array.from(row, (logit, v) =>
    v === chain.maskId ? 0 : Math.exp(logit) / (Math.exp(sigma) - 1) / (row.length - 1),
  );
  return scores.reduce((sum, score) => sum + score, 0);
}

/** The phases of a loop that are MDLM's; nothing on the plateau. */
function loop(
  t: number,
  s: number,
  tOn: number,
  tOff: number,
  alphaOn: number,
): Coefficients | undefined {
  if (t <= tOn && t > tOff) return undefined;
  const moveChance = (time: number) =>
    t > tOn ? 1 - ((1 - time) * alphaOn) / (1 - tOn) : (time * (1 - alphaOn)) / tOff;
  return { reveal: moveChance(t) - moveChance(s), stay: moveChance(s), remask: 0 };
}

function softmaxConf({ mistake, maskId }: DenseChain, state: State, i: number): number {
  if (state.tokens[i] === maskId) return 0;
  const ignore = mistake === "confidence ignores psi";
  const conf = state.conf.map((c) => (ignore && c !== -Infinity ? -1 : c));
  const exponentials = conf.map((c) => (c === -Infinity ? 0 : Math.exp(c)));
  return exponentials[i] / exponentials.reduce((sum, e) => sum + e, 0);
}

/** p_x0 of every position with the nucleus applied, the mask left out. */
function predictions(chain: DenseChain, tokens: readonly TokenId[], t: number): number[][] {
  const rules = { temper, cut, nucleus };
  const order: readonly (keyof typeof rules)[] =
    chain.mistake === "top-k acts after the nucleus"
      ? ["temper", "nucleus", "cut"]
      : chain.mistake === "the temperature acts after the nucleus"
        ? ["cut", "nucleus", "temper"]
        : ["temper", "cut", "nucleus"];
  return tokens.map((_, i) =>
    order.reduce<number[]>(
      (p, rule) => rules[rule](p, chain),
      softmax(chain, rowOf(chain, tokens, t, i)),
    ),
  );
}

/** Divides the logits by the temperature; 0 leaves the first of the likeliest. */
function temper(p: readonly number[], { temperature = 1 }: DenseChain): number[] {
  if (temperature === 1) return [...p];
  if (temperature === 0) {
    return p.map((_, v) => (v === p.indexOf(Math.max(...p)) ? 1 : 0));
  }
  return normalised(p.map((x) => x ** (1 / temperature)));
}

/** Keeps the k likeliest, of equals the lowest ids. */
function cut(p: readonly number[], { topK = Infinity }: DenseChain): number[] {
  const order = p.map((_, v) => v).sort((v, w) => p[w] - p[v] || v - w);
  const kept = new Set(order.slice(0, topK));
  return normalised(p.map((x, v) => (kept.has(v) ? x : 0)));
}

function normalised(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, x) => sum + x, 0);
  return weights.map((x) => x / total);
}

/** The network computes in float32 and is given sigma in float32. */
function rowOf(chain: DenseChain, tokens: readonly TokenId[], t: number, i: number): Float32Array {
  return chain.logits(tokens, Math.fround(-Math.log(1 - (1 - 1e-3) * t)), i);
}

/** Only D3PM without `subs_masking` gives the mask a probability. */
function softmax({ maskId, kind, subsMasking }: DenseChain, logits: Float32Array): number[] {
  const withMask = kind === "d3pm" && subsMasking !== true;
  const e = Array.from(logits, (logit, v) => (v === maskId && !withMask ? 0 : Math.exp(logit)));
  const total = e.reduce((sum, x) => sum + x, 0);
  return e.map((x) => x / total);
}

function nucleus(p: readonly number[], { topP, mistake }: DenseChain): number[] {
  if (topP === 1) return [...p];
  const order = p.map((_, v) => v).sort((v, w) => p[w] - p[v]);
  let cumulative = 0;
  const kept = new Set<number>();
  for (const v of order) {
    const before = cumulative;
    cumulative += p[v];
    const inside = mistake === "the nucleus keeps the token that crosses p" ? before : cumulative;
    if (kept.size === 0 || inside <= topP) kept.add(v);
  }
  const total = [...kept].reduce((sum, v) => sum + p[v], 0);
  return p.map((x, v) => (kept.has(v) ? x / total : 0));
}

/** The last step: an argmax at the masks (D3PM: everywhere), or a draw for `analytic`. */
export function* removals(chain: DenseChain, state: State, t: number): Generator<[State, number]> {
  const seen = state.tokens.map((_, i) => softmax(chain, rowOf(chain, state.tokens, t, i)));
  const rows = state.tokens.map((token, i) => {
    const changes = chain.kind === "d3pm" || token === chain.maskId;
    if (!changes || chain.pinned?.has(i) === true) return keep(seen[i], token);
    if (chain.strategy.kind === "analytic") return seen[i];
    return keep(seen[i], seen[i].indexOf(Math.max(...seen[i])));
  });
  yield* product(chain, state, rows, seen);
}

function add(distribution: Distribution, state: State, probability: number): void {
  const key = `${state.tokens.join()} ${state.conf.join()}`;
  const known = distribution.get(key);
  if (known === undefined) distribution.set(key, { state, probability });
  else known.probability += probability;
}

function marginal(distribution: Distribution): Map<string, number> {
  const sequences = new Map<string, number>();
  for (const { state, probability } of distribution.values()) {
    const key = state.tokens.join();
    sequences.set(key, (sequences.get(key) ?? 0) + probability);
  }
  return sequences;
}
