/**
 * Sequential Monte Carlo with two particles, enumerated: the exact distribution of the sample, with systematic
 * resampling. It is written in the incremental form, w *= exp(lambda (r_now - r_before)), and shares nothing with the
 * sampler under test.
 */
import type { TokenId } from "../../../src/sampler/index.ts";

/** Deliberate errors, to show that the tests would find them. */
export type PairMistake =
  | "weights are not reset after resampling"
  | "the reward before is not updated"
  | "a copy shares its state"
  | "the heaviest particle is chosen"
  | "offspring are even";

export type Text = readonly TokenId[];
/** All texts at the next weighting, and with what probability. */
export type Kernel = (text: Text) => Iterable<readonly [Text, number]>;

export interface GuidedPair {
  readonly start: Text;
  /** From one weighting to the next; the last one leads to the end. */
  readonly kernels: readonly Kernel[];
  /** lambda r */
  readonly reward: (text: Text) => number;
  readonly resampleBelow: number;
  readonly mistake?: PairMistake;
}

interface One {
  readonly text: Text;
  /** Its reward at the last weighting. */
  readonly before: number;
  readonly logWeight: number;
}

interface Pair {
  readonly ones: readonly [One, One];
  /** Whether the second is the first, by mistake. */
  readonly shared: boolean;
  probability: number;
  /** probability times the product of the mean weights at the resamplings. */
  evidence: number;
}

/** @returns the distribution of the sample (`tokens.join()`), and the mean of the estimate of the mean weight. */
export function enumeratePair(run: GuidedPair): {
  readonly sample: Map<string, number>;
  readonly meanWeight: number;
} {
  const one: One = { text: run.start, before: 0, logWeight: 0 };
  let now: Pair[] = [{ ones: [one, one], shared: false, probability: 1, evidence: 1 }];
  run.kernels.forEach((kernel, k) => {
    const isEnd = k === run.kernels.length - 1;
    const next = new Map<string, Pair>();
    for (const moved of now.flatMap((pair) => [...moves(run, kernel, pair)])) {
      for (const pair of isEnd ? [moved] : resampled(run, moved)) add(next, pair);
    }
    now = [...next.values()];
  });
  const sample = new Map<string, number>();
  let meanWeight = 0;
  for (const { ones, probability, evidence } of now) {
    const [a, b] = ones.map(({ logWeight }) => Math.exp(logWeight));
    meanWeight += (evidence * (a + b)) / 2;
    const heaviest = run.mistake === "the heaviest particle is chosen";
    const share = heaviest ? Number(a >= b) : a / (a + b);
    [share, 1 - share].forEach((chance, j) => {
      const key = ones[j].text.join();
      sample.set(key, (sample.get(key) ?? 0) + probability * chance);
    });
  }
  return { sample, meanWeight };
}

function* moves({ reward, mistake }: GuidedPair, kernel: Kernel, pair: Pair): Generator<Pair> {
  const [a, b] = pair.ones;
  const weigh = (one: One, text: Text): One => {
    const now = reward(text);
    const before = mistake === "the reward before is not updated" ? 0 : now;
    return { text, before, logWeight: one.logWeight + now - one.before };
  };
  for (const [first, p] of kernel(a.text)) {
    const seconds = pair.shared ? [[first, 1] as const] : kernel(b.text);
    for (const [second, q] of seconds) {
      yield {
        ones: [weigh(a, first), weigh(b, second)],
        shared: pair.shared,
        probability: pair.probability * p * q,
        evidence: pair.evidence * p * q,
      };
    }
  }
}

function* resampled({ resampleBelow, mistake }: GuidedPair, pair: Pair): Generator<Pair> {
  const { ones, shared, probability, evidence } = pair;
  const weights = ones.map(({ logWeight }) => Math.exp(logWeight));
  const sum = weights[0] + weights[1];
  const share = weights[0] / sum;
  const size = 1 / (share ** 2 + (1 - share) ** 2);
  if (size >= resampleBelow * 2) {
    yield pair;
    return;
  }
  const even = mistake === "offspring are even";
  // Points u / 2 and (u + 1) / 2: one lies on the first particle's half of the stack, or both do, or none.
  const both = even ? 0.25 : Math.max(0, 2 * share - 1);
  const none = even ? 0.25 : Math.max(0, 1 - 2 * share);
  const reset = (one: One): One => {
    return mistake === "weights are not reset after resampling" ? one : { ...one, logWeight: 0 };
  };
  const [a, b] = [reset(ones[0]), reset(ones[1])];
  const sharing = mistake === "a copy shares its state";
  const outcomes = [
    { ones: [a, a] as const, shared: sharing || shared, chance: both },
    { ones: [b, b] as const, shared: sharing || shared, chance: none },
    { ones: [a, b] as const, shared, chance: 1 - both - none },
  ];
  for (const outcome of outcomes.filter(({ chance }) => chance > 0)) {
    yield {
      ones: outcome.ones,
      shared: outcome.shared,
      probability: probability * outcome.chance,
      evidence: ((evidence * sum) / 2) * outcome.chance,
    };
  }
}

function add(pairs: Map<string, Pair>, pair: Pair): void {
  const key = JSON.stringify([
    pair.ones.map((one) => [one.text.join(), one.before, one.logWeight.toFixed(9)]),
    pair.shared,
  ]);
  const known = pairs.get(key);
  if (known === undefined) {
    pairs.set(key, { ...pair });
    return;
  }
  known.probability += pair.probability;
  known.evidence += pair.evidence;
}
