// @part slow
/**
 * Continuous time is the limit of many steps: the first-hitting sampler has the distribution of the
 * dense chain of mdlm, and with a rate the one of remdm-cap, in the middle of the run and at its
 * end; and its events come at the times of their law. The network depends on the whole text and on
 * the time. Wrong rates are found.
 *
 * Seeds are fixed. With P_MIN = 1e-5 and about 20 comparisons, a correct sampler would fail one of
 * them for fewer than 1 in 3,000 choices of seeds.
 */
import { describe, expect, it, jest } from "@jest/globals";
import {
  defineStrategy,
  sampleEvents,
  type AnyStrategy,
  type SamplerEvent,
  type SamplerOptions,
  type Strategy,
  type TokenId,
} from "../../src/sampler/index.ts";
import { goodnessOfFit } from "./support/chiSquare.ts";
import { enumerate } from "./support/denseChain.ts";
import { collect } from "./support/replay.ts";
import { MASK, TableDenoiser, tableLogits, VOCAB_SIZE } from "./support/tableDenoiser.ts";

jest.setTimeout(300_000); // on a busy machine

const P_MIN = 1e-5;
const SAMPLES = 6000;
/** Steps of the chain that stands for continuous time: an error of 1/4096, below the noise. */
const STEPS = 4096;
const LENGTH = 2;

interface Compared {
  readonly chain: Strategy;
  readonly topP?: number;
  readonly pinned?: ReadonlyMap<number, TokenId>;
  readonly length?: number;
}

const known = new Map<string, { middle: Map<string, number>; end: Map<string, number> }>();

/** The exact distributions of a chain at t = 1/2 and at its end, enumerated once for all tests. */
function exactOf({ chain, topP, pinned, length }: Required<Compared>) {
  const key = JSON.stringify([chain, topP, [...pinned], length]);
  const space = { length, vocabSize: VOCAB_SIZE, maskId: MASK, logits: tableLogits };
  const states = known.has(key)
    ? []
    : enumerate({ ...space, strategy: chain, steps: STEPS, topP, pinned });
  const exact = known.get(key) ?? { middle: states[STEPS / 2], end: states[STEPS + 1] };
  known.set(key, exact);
  return exact;
}

/** p-values of the sampler against the chain: at t = 1/2, and at the end. */
async function compare(
  strategy: AnyStrategy,
  { chain, topP = 1, pinned = new Map(), length = LENGTH }: Compared,
  seed: number,
): Promise<{ middle: number; end: number }> {
  const exact = exactOf({ chain, topP, pinned, length });
  const options = { strategy, topP, pinned, seed, samples: SAMPLES, batchSize: 256 };
  const { events } = await collect(sampleEvents(new TableDenoiser(length), options));
  const start = Array.from({ length }, (_, i) => pinned.get(i) ?? MASK);
  return {
    middle: goodnessOfFit(texts(events, start, 0.5), exact.middle),
    end: goodnessOfFit(texts(events, start, 0), exact.end),
  };
}

/** Counts the texts of all samples at a time. */
function texts(events: readonly SamplerEvent[], start: readonly number[], at: number) {
  const states = new Map<number, number[]>();
  for (const event of events) {
    if (event.type === "progress" || event.type === "weighted") continue;
    const state = states.get(event.sample) ?? [...start];
    states.set(event.sample, state);
    if (event.type === "finished" || event.time < at) continue;
    event.positions.forEach((position, i) => {
      state[position] = event.type === "revealed" ? event.tokens[i] : MASK;
    });
  }
  const counts = new Map<string, number>();
  for (const state of states.values()) {
    counts.set(state.join(), (counts.get(state.join()) ?? 0) + 1);
  }
  return counts;
}

const RATE = 3;
const MDLM: Compared = { chain: { kind: "mdlm" } };
const CAP: Compared = { chain: { kind: "remdm-cap", eta: RATE / STEPS } };
const SWITCHED: Compared = {
  chain: { kind: "remdm", cap: RATE / STEPS, window: { kind: "switch", tSwitch: 0.6 } },
};

describe("continuous time has the distribution of many steps", () => {
  it.each<[string, Strategy, Compared]>([
    ["mdlm", { kind: "first-hitting" }, MDLM],
    ["mdlm, with a nucleus", { kind: "first-hitting" }, { ...MDLM, topP: 0.7 }],
    ["remdm-cap", { kind: "first-hitting", rate: RATE }, CAP],
    [
      "remdm-cap, with a prompt",
      { kind: "first-hitting", rate: RATE },
      { ...CAP, length: 3, pinned: new Map([[1, 2]]) },
    ],
    ["remdm-cap from a time on", { kind: "first-hitting", rate: RATE, tSwitch: 0.6 }, SWITCHED],
  ])("%s", async (_, strategy, compared) => {
    const p = await compare(strategy, compared, 11);
    expect(p.middle).toBeGreaterThan(P_MIN);
    expect(p.end).toBeGreaterThan(P_MIN);
  });
});

/** Integrals of the rates from `at` to t: of one mask's reveals, and of all remasks. */
interface Rates {
  reveal(t: number, at: number): number;
  remask(t: number, at: number, revealed: number): number;
}

const EXACT: Rates = {
  reveal: (t, at) => (1 + RATE) * Math.log(t / at) - RATE * (t - at),
  remask: (t, at, revealed) => RATE * revealed * (t - at),
};

/** A sampler of any rates, solved by halving intervals. */
function byRates(rates: Rates) {
  return defineStrategy({
    kind: "by-rates",
    source: "a test",
    summary: "events at given rates",
    nextEvent: (_, { t, masked, revealed }, wait) => {
      const reached = (at: number) =>
        (masked === 0 ? 0 : masked * rates.reveal(t, at)) + rates.remask(t, at, revealed);
      let [low, high] = [1e-300, t];
      if (masked === 0 && reached(low) < wait) return undefined;
      for (let i = 0; i < 1200 && high / low > 1 + 1e-14; i++) {
        const half = low < high / 4 ? Math.sqrt(low * high) : (low + high) / 2;
        if (reached(half) > wait) low = half;
        else high = half;
      }
      const near = low * (1 - 1e-7);
      const remasks = rates.remask(low, near, revealed);
      const all = remasks + (masked === 0 ? 0 : masked * rates.reveal(low, near));
      return { t: low, remask: masked === 0 ? 1 : remasks / all };
    },
  });
}

describe("the same comparison finds out", () => {
  it("nothing about the right rates, solved another way", async () => {
    const p = await compare(byRates(EXACT), CAP, 12);
    expect(Math.min(p.middle, p.end)).toBeGreaterThan(P_MIN);
  });

  it.each<[string, Rates]>([
    [
      "whose masks forget that remasking reveals them sooner",
      {
        ...EXACT,
        reveal: (t, at) => Math.log(t / at),
      },
    ],
    [
      "whose masks hurry at all times alike",
      {
        ...EXACT,
        reveal: (t, at) => (1 + RATE) * Math.log(t / at),
      },
    ],
    [
      "in which a text is remasked, and not each of its positions",
      {
        ...EXACT,
        remask: (t, at, revealed) => (revealed > 0 ? RATE * (t - at) : 0),
      },
    ],
    [
      "that remasks less and less",
      {
        ...EXACT,
        remask: (t, at, revealed) => (RATE * revealed * (t ** 2 - at ** 2)) / 2,
      },
    ],
  ])("a sampler %s", async (_, rates) => {
    const p = await compare(byRates(rates), CAP, 13);
    expect(Math.min(p.middle, p.end)).toBeLessThan(P_MIN);
  });

  it("a wait that does not know how many masks there are", async () => {
    const alone = defineStrategy({
      kind: "alone",
      source: "a test",
      summary: "t U instead of t U^(1/n)",
      nextEvent: (_, { t, masked }, wait) =>
        masked === 0 ? undefined : { t: t * Math.exp(-wait), remask: 0 },
    });
    const p = await compare(alone, MDLM, 14);
    expect(p.middle).toBeLessThan(P_MIN);
  });
});

describe("the law of the times", () => {
  const length = 5;
  const run = async (options: SamplerOptions) => {
    const more = { samples: 4000, batchSize: 256, seed: 21 };
    return collect(sampleEvents(new TableDenoiser(length), { ...options, ...more }));
  };
  const revealTimes = async (options: SamplerOptions) => {
    const { events } = await run(options);
    return events.filter((event) => event.type === "revealed");
  };
  /** p-value of numbers that are to be even in [0, 1). */
  const evenness = (numbers: readonly number[]) => {
    const cells = 20;
    const counts = new Map<string, number>();
    for (const x of numbers) {
      const cell = String(Math.min(cells - 1, Math.floor(x * cells)));
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
    const even = Array.from({ length: cells }, (_, i): [string, number] => [String(i), 1 / cells]);
    return goodnessOfFit(counts, new Map(even));
  };

  it("without remasking: every position is revealed at an even time", async () => {
    const reveals = await revealTimes({ strategy: "first-hitting" });
    // One position of each sample, because those of one sample depend on the text alone.
    for (const position of [0, 4]) {
      const times = reveals.filter(({ positions }) => positions[0] === position);
      expect(times).toHaveLength(4000);
      expect(evenness(times.map(({ time }) => time))).toBeGreaterThan(P_MIN);
    }
  });

  it("the first event of L masks is at U^(1/L), the last one at 1 - (1 - U)^(1/L)", async () => {
    const reveals = await revealTimes({ strategy: "first-hitting" });
    const first = reveals.filter(({ step }) => step === 0).map(({ time }) => time ** length);
    const last = reveals.filter(({ step }) => step === length - 1);
    expect(evenness(first)).toBeGreaterThan(P_MIN);
    expect(evenness(last.map(({ time }) => 1 - (1 - time) ** length))).toBeGreaterThan(P_MIN);
    expect(evenness(first.map((x) => x ** (1 / length)))).toBeLessThan(P_MIN);
  });

  it("positions are revealed in every order alike", async () => {
    const reveals = await revealTimes({ strategy: "first-hitting" });
    const orders = new Map<number, number[]>();
    for (const { sample, positions } of reveals) {
      orders.set(sample, [...(orders.get(sample) ?? []), positions[0]]);
    }
    const counts = new Map<string, number>();
    for (const order of orders.values()) {
      counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    }
    expect(counts.size).toBe(120);
    const alike = Array.from(counts.keys(), (order): [string, number] => [order, 1 / 120]);
    expect(goodnessOfFit(counts, new Map(alike))).toBeGreaterThan(P_MIN);
  });

  it("with remasking: the share of masks at t is t, and each position comes rate/2 times more", async () => {
    const rate = 4;
    const { events } = await run({ strategy: { kind: "first-hitting", rate } });
    const reveals = events.filter((event) => event.type === "revealed");
    // The number of reveals of a position has a variance of about 2, and so their mean over 20,000
    // positions a standard deviation of 0.01; the one of the share is at most 0.0036.
    expect(Math.abs(reveals.length / (4000 * length) - (1 + rate / 2))).toBeLessThan(0.05);
    for (const t of [0.9, 0.5, 0.1]) {
      const counts = texts(events, new Array<number>(length).fill(MASK), t);
      let masks = 0;
      for (const [text, count] of counts) {
        masks += count * text.split(",").filter((token) => token === String(MASK)).length;
      }
      expect(Math.abs(masks / (4000 * length) - t)).toBeLessThan(0.018);
    }
  });
});
