// @part slow
/**
 * A guided run samples what it says: with two particles exactly the distribution that the enumeration of both gives,
 * and with many p(x) exp(lambda r(x)) / Z.
 *
 * Seeds are fixed. With P_MIN = 1e-5 and fewer than 20 comparisons, a correct sampler would fail one of them for
 * fewer than 1 in 5,000 choices of seeds.
 */
import { describe, expect, it } from "@jest/globals";
import {
  defineStrategy,
  sample,
  type GuideOptions,
  type Reward,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import { goodnessOfFit } from "./support/chiSquare.ts";
import { removals, timesOf, transitions, type DenseChain } from "./support/denseChain.ts";
import { enumeratePair, type Kernel, type PairMistake, type Text } from "./support/guidedPair.ts";
import { following, type RowChain } from "./support/rowChain.ts";
import {
  MASK,
  TableDenoiser,
  tableLogits,
  VOCAB_SIZE,
  type Logits,
} from "./support/tableDenoiser.ts";

const P_MIN = 1e-5;
const MINUTES = 60_000;
const STEPS = 4;
const LENGTH = 2;

/** A strategy, and its step from a text to all that can follow. */
interface Case {
  readonly options: SamplerOptions;
  readonly pinned: ReadonlyMap<number, number>;
  /** Default: those of the table. */
  readonly logits?: Logits;
  /** @param step in [0, STEPS]; the last one is the final noise removal. */
  readonly after: (text: Text, step: number) => Iterable<readonly [Text, number]>;
}

function drawFirst(pinned: ReadonlyMap<number, number> = new Map()): Case {
  const strategy = { kind: "remdm-cap", eta: 0.4 } as const;
  const length = LENGTH + pinned.size;
  const chain: DenseChain = {
    ...{ strategy, steps: STEPS, topP: 1, length, vocabSize: VOCAB_SIZE, maskId: MASK, pinned },
    logits: tableLogits,
  };
  const times = timesOf(chain);
  return {
    options: { strategy, steps: STEPS, topP: 1, pinned },
    pinned,
    *after(tokens, step) {
      const state = { tokens, conf: tokens.map(() => -Infinity) };
      const isEnd = step === STEPS;
      const next = isEnd
        ? removals(chain, state, times[STEPS])
        : transitions(chain, state, times[step], times[step + 1]);
      for (const [after, q] of next) yield [after.tokens, q];
    },
  };
}

/** In continuous time, without remasking: each event reveals one mask, whichever. */
function eventByEvent(): Case {
  const logits: Logits = (tokens, _, position) => tableLogits(tokens, 0, position);
  return {
    options: { strategy: { kind: "first-hitting" }, topP: 1 },
    pinned: new Map(),
    logits,
    *after(text) {
      const masked = [...text.keys()].filter((at) => text[at] === MASK);
      if (masked.length === 0) yield [text, 1];
      for (const at of masked) {
        const weights = Array.from(logits(text, 0, at), (logit, v) => {
          return v === MASK ? 0 : Math.exp(logit);
        });
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (const [v, weight] of weights.entries()) {
          if (v !== MASK) yield [text.with(at, v), weight / sum / masked.length];
        }
      }
    },
  };
}

/** Reveals by chance, and remasks what the network doubts by now. */
function askFirst(): Case {
  const times = [1, 0.75, 0.5, 0.25, 0.05];
  const reveal = (most: number, t: number, s: number): number => (most * (t - s)) / t;
  const remask = (own: number, t: number): number => 0.6 * t * (1 - own);
  const strategy = defineStrategy({
    kind: "by-chance",
    source: "a test",
    summary: "changes each position with a chance that its row says",
    statistics: ["max", "given"],
    revealed: true,
    memory: () => ({ steps: [] as number[] }),
    select: (_, { t, s, index }, rows, memory) => {
      // A copy has a memory of its own: every step once, and in order.
      memory.steps.push(index);
      if (memory.steps.some((step, i) => step !== i) || memory.steps.length !== index + 1) {
        throw new Error(`the memory is that of steps ${memory.steps.join()} in step ${index}`);
      }
      const hit = rows.filter((row) => {
        const chance = row.masked
          ? reveal(Math.exp(row.max), t, s)
          : remask(Math.exp(row.given), t);
        return row.uniform < chance;
      });
      const at = (masked: boolean) =>
        hit.filter((row) => row.masked === masked).map(({ position }) => position);
      return { reveal: at(true), remask: at(false) };
    },
  });
  const chain: RowChain = {
    chances: { reveal, remask, redraw: () => 0 },
    ...{ times, topP: 1, lastStep: "argmax", length: LENGTH, stride: 0, strides: 0 },
    ...{ maskId: MASK, logits: tableLogits, pinned: new Map(), mistake: undefined },
  };
  return {
    options: { strategy, steps: times, topP: 1 },
    pinned: new Map(),
    after: (text, step) => following(chain, text, 0, step),
  };
}

const count = (tokens: ArrayLike<number>, token: number): number =>
  Array.from(tokens).filter((one) => one === token).length;
/** Of a text that may be masked in part. */
const likes2: Reward = ({ tokens }) => 1.5 * count(tokens, 2) - 0.7 * count(tokens, 0);
const onlyFinished: Reward = (text) => (text.finished ? likes2(text) : 0);

/** The kernels from one weighting to the next, every 2 steps. */
function kernelsOf({ after }: Case): Kernel[] {
  const compose = (steps: readonly number[]): Kernel => {
    const known = new Map<string, [Text, number][]>();
    return (text) => {
      const key = text.join();
      const found = known.get(key) ?? [...walk({ after }, [text, 1], steps).values()];
      known.set(key, found);
      return found;
    };
  };
  return [compose([0, 1]), compose([2, 3]), compose([STEPS])];
}

function walk(
  { after }: Pick<Case, "after">,
  from: [Text, number],
  steps: readonly number[],
): Map<string, [Text, number]> {
  let now = new Map([[from[0].join(), from]]);
  for (const step of steps) {
    const next = new Map<string, [Text, number]>();
    for (const [text, p] of now.values()) {
      for (const [to, q] of after(text, step)) {
        next.set(to.join(), [to, (next.get(to.join())?.[1] ?? 0) + p * q]);
      }
    }
    now = next;
  }
  return now;
}

function startOf({ pinned }: Case): Text {
  return Array.from({ length: LENGTH + pinned.size }, (_, i) => pinned.get(i) ?? MASK);
}

/** p(x) exp(lambda r(x)) / Z, and Z. */
function target(one: Case, reward: Reward, strength = 1) {
  const texts = walk(one, [startOf(one), 1], [0, 1, 2, 3, STEPS]);
  const weigh = ([text, p]: [Text, number]): number => {
    const tokens = Int32Array.from(text);
    return p * Math.exp(strength * reward({ tokens, maskId: MASK, finished: true }));
  };
  const weights = new Map([...texts].map(([key, entry]) => [key, weigh(entry)]));
  const z = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  return { z, p: new Map([...weights].map(([key, weight]) => [key, weight / z])) };
}

function denoiserOf({ pinned, logits = tableLogits }: Case): TableDenoiser {
  return new TableDenoiser(LENGTH + pinned.size, {}, logits, true);
}

function guidedRun(one: Case, guide: GuideOptions, options: SamplerOptions) {
  return sample(denoiserOf(one), { ...one.options, batchSize: 256, guide, ...options });
}

function counts(texts: readonly (readonly number[])[]): Map<string, number> {
  const seen = new Map<string, number>();
  for (const text of texts) seen.set(text.join(), (seen.get(text.join()) ?? 0) + 1);
  return seen;
}

/** The exact distribution of a guided run with two particles and a reward of partly masked texts. */
function pairOf(one: Case, finishedOnly: boolean, resampleBelow: number, mistake?: PairMistake) {
  const kernels = kernelsOf(one);
  let asked = 0;
  const reward = (text: Text): number => {
    asked++;
    const isMasked = text.includes(MASK);
    if (finishedOnly && isMasked) return 0;
    return likes2({ tokens: Int32Array.from(text), maskId: MASK, finished: !isMasked });
  };
  const run = { start: startOf(one), kernels, reward, resampleBelow };
  const pair = enumeratePair({ ...run, ...(mistake !== undefined && { mistake }) });
  expect(asked).toBeGreaterThan(0);
  return pair;
}

const pinned = new Map([[1, 2]]);
const cases: [string, Case, number][] = [
  ["draw first, with remasking", drawFirst(), 0.9],
  ["draw first, resampled always", drawFirst(), 1],
  ["draw first, never resampled", drawFirst(), 0],
  ["draw first, a position pinned", drawFirst(pinned), 0.9],
  ["ask first, with remasking and a memory", askFirst(), 0.9],
  ["in continuous time", eventByEvent(), 0.9],
];

describe("with two particles the sample has the enumerated distribution", () => {
  it.each(cases)(
    "%s",
    async (_, one, resampleBelow) => {
      const exact = pairOf(one, false, resampleBelow);
      const guide = { reward: likes2, particles: 2, every: 2, resampleBelow };
      const { tokens, guided = [] } = await guidedRun(one, guide, { samples: 6000, seed: 11 });
      expect(goodnessOfFit(counts(tokens), exact.sample)).toBeGreaterThan(P_MIN);

      // The estimate of the mean weight has no bias: 4 standard errors, 1 in 16,000.
      const { z } = target(one, likes2);
      expect(exact.meanWeight).toBeCloseTo(z, 9);
      const estimates = guided.map(({ logMean = NaN }) => Math.exp(logMean));
      const mean = estimates.reduce((sum, x) => sum + x, 0) / estimates.length;
      const squares = estimates.reduce((sum, x) => sum + (x - mean) ** 2, 0);
      expect(Math.abs(mean - z)).toBeLessThan((4 * Math.sqrt(squares)) / estimates.length);
    },
    5 * MINUTES,
  );

  it.each<PairMistake>([
    "weights are not reset after resampling",
    "the reward before is not updated",
    "a copy shares its state",
    "the heaviest particle is chosen",
    "offspring are even",
  ])(
    "and the comparison finds out a sampler in which %s",
    async (mistake) => {
      const one = drawFirst();
      const resampleBelow = mistake === "the heaviest particle is chosen" ? 0 : 1;
      const guide = { reward: likes2, particles: 2, every: 2, resampleBelow };
      const { tokens } = await guidedRun(one, guide, { samples: 6000, seed: 11 });
      const wrong = pairOf(one, false, resampleBelow, mistake);
      expect(goodnessOfFit(counts(tokens), wrong.sample)).toBeLessThan(P_MIN);
    },
    5 * MINUTES,
  );
});

/** Half the sum of absolute differences. */
function variation(p: ReadonlyMap<string, number>, q: ReadonlyMap<string, number>): number {
  const keys = new Set([...p.keys(), ...q.keys()]);
  return [...keys].reduce((sum, k) => sum + Math.abs((p.get(k) ?? 0) - (q.get(k) ?? 0)), 0) / 2;
}

describe("with many particles the sample has the distribution p(x) exp(lambda r(x)) / Z", () => {
  it.each<[string, Case, GuideOptions, number]>([
    ["draw first", drawFirst(), { reward: likes2, particles: 64 }, 1],
    ["draw first, lambda 0.5", drawFirst(), { reward: likes2, particles: 64, strength: 0.5 }, 0.5],
    ["draw first, lambda 0", drawFirst(), { reward: likes2, particles: 3, strength: 0 }, 0],
    ["draw first, finished texts alone", drawFirst(), { reward: onlyFinished, particles: 64 }, 1],
    ["in continuous time", eventByEvent(), { reward: likes2, particles: 64 }, 1],
    ["ask first", askFirst(), { reward: likes2, particles: 32 }, 1],
    ["ask first, finished texts alone", askFirst(), { reward: onlyFinished, particles: 32 }, 1],
  ])(
    "%s",
    async (_, one, guide, strength) => {
      const { p } = target(one, likes2, strength);
      const options = { samples: 1000, seed: 21 };
      const { tokens } = await guidedRun(one, { every: 1, ...guide }, options);
      expect(goodnessOfFit(counts(tokens), p)).toBeGreaterThan(P_MIN);
      // Without the guide it is another one.
      if (strength === 0) return;
      const { tokens: plain } = await sample(denoiserOf(one), { ...one.options, ...options });
      expect(goodnessOfFit(counts(plain), p)).toBeLessThan(P_MIN);
    },
    5 * MINUTES,
  );

  it(
    "and the distance falls as 1 / N",
    async () => {
      const one = drawFirst();
      const { p } = target(one, likes2);
      // The mean of the final weights is the distribution of the sample, with less noise.
      const distance = async (particles: number, samples: number): Promise<number> => {
        const guide = { reward: likes2, particles, every: 2, resampleBelow: 0.9 };
        const { guided = [] } = await guidedRun(one, guide, { samples, seed: 31 });
        const q = new Map<string, number>();
        for (const { tokens, weight } of guided.flatMap((each) => each.particles)) {
          q.set(tokens.join(), (q.get(tokens.join()) ?? 0) + weight / samples);
        }
        return variation(p, q);
      };
      const at2 = variation(p, pairOf(one, false, 0.9).sample);
      const [at16, at64] = [await distance(16, 4000), await distance(64, 2000)];
      expect(at2).toBeGreaterThan(0.2);
      expect(at2 / at64).toBeGreaterThan(8);
      expect(at16 / at64).toBeGreaterThan(2.7);
      expect(at16 / at64).toBeLessThan(5.5);
    },
    5 * MINUTES,
  );
});
