/**
 * A window of the ask-first loop changes how often the network is asked, and nothing else: tokens,
 * events and errors are the same.
 */
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import {
  defineStrategy,
  RemdmError,
  sample,
  sampleEvents,
  type DenoiserModel,
  type ForwardRequest,
  type SamplerEvent,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { AskedState } from "../../../src/sampler/loops/rowForward.ts";
import { RowSample } from "../../../src/sampler/loops/rowSample.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser, tableLogits, type Logits } from "../support/tableDenoiser.ts";

const LENGTH = 9;
const TEXTS = { source: "a test", summary: "for the test" } as const;

afterEach(() => {
  jest.restoreAllMocks();
});

/** Rows that differ most by position, and by what else stands there only a little. */
const stableLogits: Logits = (tokens, sigma, position) => {
  const own = tableLogits([position], 0, position);
  const other = tableLogits(tokens, sigma, position);
  return own.map((logit, v) => 2 * logit + 0.15 * other[v]);
};

/** Takes turns: it remembers how many positions it has revealed, and redraws one now and then. */
const counting = defineStrategy({
  kind: "counting",
  ...TEXTS,
  statistics: ["max", "given"],
  revealed: true,
  memory: () => ({ revealed: 0, seen: new Set<number>() }),
  select: (_, { index, steps }, rows, memory) => {
    const masked = rows.filter((row) => row.masked).sort((a, b) => b.max - a.max);
    const reveal = masked.slice(0, index === steps - 1 ? Infinity : 1 + (memory.revealed % 2));
    memory.revealed += reveal.length;
    for (const { token } of rows) memory.seen.add(token);
    const redraw = rows
      .filter((row) => !row.masked && row.given < -1)
      .slice(0, memory.seen.size % 2);
    return {
      reveal: reveal.map(({ position }) => position),
      redraw: redraw.map(({ position }) => position),
    };
  },
});

type Case = readonly [name: string, options: SamplerOptions, model?: Partial<DenoiserModel>];

const steps = { steps: LENGTH };
const STRATEGIES: readonly Case[] = [
  ["confidence", { strategy: "confidence", ...steps }],
  ["confidence of drawn tokens", { strategy: { kind: "confidence", of: "drawn" }, ...steps }],
  ["confidence with noise", { strategy: { kind: "confidence", orderTemperature: 0.4 }, ...steps }],
  ["confidence, remasking", { strategy: { kind: "confidence", cap: 0.4 }, steps: 14 }],
  [
    "confidence, remasking by confidence",
    { strategy: { kind: "confidence", cap: 1, confidence: true }, steps: 14 },
  ],
  ["confidence, two a step", { strategy: { kind: "confidence" }, steps: 5 }],
  ["margin", { strategy: "margin", ...steps }],
  ["entropy", { strategy: "entropy", ...steps }],
  ["random", { strategy: "random", ...steps }],
  ["random, steps that reveal nothing", { strategy: { kind: "random", counts: [0, 3, 0, 2, 4] } }],
  ["threshold", { strategy: { kind: "threshold", tau: 0.6 } }],
  ["factor", { strategy: { kind: "factor", of: "drawn" } }],
  ["entropy-bounded", { strategy: { kind: "entropy-bounded", gamma: 0.3, by: "margin" } }],
  ["p2", { strategy: "p2", steps: 12 }],
  ["p2 of the paper", { strategy: "p2", quirks: "paper", steps: 12 }],
  ["rcr", { strategy: "rcr", steps: 12 }],
  ["rcr of drawn tokens", { strategy: { kind: "rcr", of: "drawn" }, steps: 12 }],
  ["remdm-llada", { strategy: { kind: "remdm-llada", remasks: 2 }, steps: 16 }],
  ["editing", { strategy: { kind: "editing", tau: 0.6, tauEdit: 0.5 } }],
  ["analytic of sedd", { steps: 16 }, { kind: "sedd" }],
  ["one with a memory", { strategy: counting, ...steps }],
];
const confidence = { strategy: "confidence", ...steps } as const;
const SETTINGS: readonly Case[] = [
  ["temperature", { ...confidence, temperature: 0.6 }],
  ["temperature 0", { ...confidence, temperature: 0 }],
  [
    "temperature 0 of drawn tokens",
    { strategy: { kind: "confidence", of: "drawn" }, temperature: 0 },
  ],
  ["a nucleus", { ...confidence, topP: 0.8 }],
  ["top-k", { ...confidence, topK: 2 }],
  ["banned tokens", { ...confidence, banned: [3] }],
  ["suppressed tokens", { ...confidence, suppressed: [2] }],
  ["suppressed tokens, rcr", { strategy: "rcr", steps: 12, suppressed: [2] }],
  [
    "pinned positions",
    {
      ...confidence,
      pinned: new Map([
        [0, 2],
        [5, 0],
      ]),
    },
  ],
  [
    "guidance",
    {
      ...confidence,
      pinned: new Map([
        [0, 2],
        [5, 0],
      ]),
      guidance: 1,
    },
  ],
  ["blocks", { ...confidence, steps: 4, blockLength: 4 }],
  ["blocks, rcr", { strategy: "rcr", steps: 4, blockLength: 4 }],
  ["windows", { ...confidence, steps: 6, length: 5, stride: 2, strides: 2 }],
  ["fewer steps than a final noise removal needs", { strategy: "p2", steps: [1, 0.6, 0.3] }],
  [
    "a draft",
    {
      strategy: "p2",
      steps: 6,
      start: {
        tokens: new Map([
          [0, 2],
          [3, 0],
          [4, 3],
          [7, 2],
        ]),
        time: 0.6,
      },
    },
  ],
];

const NETWORKS: readonly (readonly [string, Logits])[] = [
  ["rows without a pattern", tableLogits],
  ["rows that hardly change", stableLogits],
];

/** Runs a case; what it throws is its result. */
async function run(
  [, options, model]: Case,
  logits: Logits,
  more: Pick<SamplerOptions, "seed" | "window" | "samples" | "batchSize">,
) {
  const denoiser = new TableDenoiser(LENGTH, { judgesRevealed: true, ...model }, logits, true);
  const { events, outcome } = await collect(sampleEvents(denoiser, { ...options, ...more }));
  return {
    events: events.map(withoutRows),
    tokens: outcome.tokens,
    stats: outcome.stats,
    denoiser,
  };
}

/** The rows that were asked for depend on the window. */
function withoutRows(event: SamplerEvent): SamplerEvent {
  return event.type === "progress" ? { ...event, forwardRows: 0 } : event;
}

describe.each(NETWORKS)("%s", (_, logits) => {
  it.each([...STRATEGIES, ...SETTINGS])("%s", async (...one) => {
    for (const seed of [1, 2, 3]) {
      for (const samples of [1, 3]) {
        const more = { seed, samples, batchSize: samples === 1 ? 16 : 2 };
        const expected = await run(one, logits, { ...more, window: 1 });
        for (const window of [2, 5, 16]) {
          const { events, tokens, stats } = await run(one, logits, { ...more, window });
          expect(tokens).toEqual(expected.tokens);
          expect(events).toEqual(expected.events);
          expect(stats.forwardCalls).toBe(expected.stats.forwardCalls);
          expect(stats.tokensPerForward).toBe(expected.stats.tokensPerForward);
          expect(stats.rounds).toBeLessThanOrEqual(expected.stats.rounds);
        }
      }
    }
  });
});

it.each(STRATEGIES)("takes fewer rounds where rows hardly change: %s", async (...one) => {
  const { stats } = await run(one, stableLogits, { seed: 4, window: 16 });
  expect(stats.rounds).toBeLessThan(stats.forwardCalls);
  expect(stats.sequences).toBeGreaterThan(stats.rounds);
});

it("never asks for more sequences than a call takes", async () => {
  const { denoiser } = await run(STRATEGIES[0], stableLogits, {
    samples: 3,
    batchSize: 5,
    window: 4,
  });
  expect(Math.max(...denoiser.requests.map(({ batch }) => batch))).toBeLessThanOrEqual(5);
});

describe("a mistake is found:", () => {
  const windows = async (one: Case) => {
    const more = { seed: 2, samples: 1 };
    const { events } = await run(one, tableLogits, { ...more, window: 1 });
    const again = await run(one, tableLogits, { ...more, window: 16 });
    return [events, again.events] as const;
  };

  it("whatever was planned for a step is taken for its state", async () => {
    jest.spyOn(AskedState.prototype, "is").mockImplementation(function is(this: AskedState, other) {
      const { begun } = this;
      const isSame = String(begun.positions) === String(other.positions);
      return begun.clock.number === other.clock.number && isSame;
    });
    const [alone, together] = await windows(["p2", { strategy: "p2", steps: 12 }]);
    expect(together).not.toEqual(alone);
  });

  it("guesses change the memory of the sample", async () => {
    const copyOf: (this: RowSample, number: number) => RowSample = Reflect.get(
      RowSample.prototype,
      "clone",
    );
    jest.spyOn(RowSample.prototype, "clone").mockImplementation(function (this: RowSample, number) {
      const copy = copyOf.call(this, number);
      copy.memory = this.memory;
      return copy;
    });
    const [alone, together] = await windows(["counting", { strategy: counting, ...steps }]);
    expect(together).not.toEqual(alone);
  });
});

it("a strategy that fails in a state that never comes does not fail", async () => {
  const options = { ...confidence, seed: 5 };
  const states = new Set<string>();
  const stateOf = (rows: readonly { readonly position: number; readonly token: number }[]) =>
    rows.map(({ position, token }) => `${position}:${token}`).join();
  const surest = (check: (state: string) => void) =>
    defineStrategy({
      kind: "surest",
      ...TEXTS,
      statistics: ["max"],
      revealed: true,
      select: (_, __, rows) => {
        check(stateOf(rows));
        const masked = rows.filter((row) => row.masked).sort((a, b) => b.max - a.max);
        return { reveal: masked.slice(0, 1).map(({ position }) => position) };
      },
    });
  const network = () => new TableDenoiser(LENGTH, {}, tableLogits, true);
  const noting = surest((state) => states.add(state));
  const { tokens } = await sample(network(), { ...options, strategy: noting, window: 1 });
  let failures = 0;
  const failing = surest((state) => {
    if (states.has(state)) return;
    failures++;
    throw new Error("a state that never comes");
  });
  const again = await sample(network(), { ...options, strategy: failing, window: 16 });
  expect(failures).toBeGreaterThan(0);
  expect(again.tokens).toEqual(tokens);
});

it("an error of a state that comes is that of a run without a window", async () => {
  const failing: Logits = (tokens, sigma, position) => {
    const masks = tokens.length - Array.from(tokens).filter((token) => token !== MASK).length;
    return stableLogits(tokens, sigma, position).map((logit) => (masks < 4 ? NaN : logit));
  };
  const errorOf = async (window: number) => {
    const seen: SamplerEvent[] = [];
    const denoiser = new TableDenoiser(LENGTH, {}, failing);
    const told = sampleEvents(denoiser, { ...confidence, seed: 1, window });
    const error = await (async () => {
      for await (const event of told) seen.push(withoutRows(event));
    })().catch((one: unknown) => String(one));
    return { error, seen };
  };
  const expected = await errorOf(1);
  expect(expected.error).toContain("position");
  expect(await errorOf(16)).toEqual(expected);
});

it("a memory that cannot be copied leaves one state a call", async () => {
  const strategy = defineStrategy({
    kind: "closed",
    ...TEXTS,
    statistics: ["max"],
    memory: () => ({ first: (rows: readonly { readonly position: number }[]) => rows[0].position }),
    select: (_, __, rows, { first }) => ({ reveal: [first(rows)] }),
  });
  const alone = await sample(new TableDenoiser(LENGTH), { strategy, window: 1 });
  const { tokens, stats } = await sample(new TableDenoiser(LENGTH), { strategy, window: 16 });
  expect(tokens).toEqual(alone.tokens);
  expect(stats.sequences).toBe(stats.forwardCalls);
});

it("a call that is too large is asked about the state at hand alone, and so are the next ones", async () => {
  class Small extends TableDenoiser {
    override async forward(request: ForwardRequest): Promise<Float32Array> {
      const answer = await super.forward(request);
      if (request.batch === 1) return answer;
      throw new RemdmError("It does not fit", { code: "out_of_memory", remedy: "Ask for less." });
    }
  }
  const small = new Small(LENGTH, {}, stableLogits);
  const { tokens, stats } = await sample(small, { ...confidence, window: 16 });
  const alone = new TableDenoiser(LENGTH, {}, stableLogits);
  expect(tokens).toEqual((await sample(alone, { ...confidence, window: 1 })).tokens);
  expect(stats.rounds).toBe(stats.forwardCalls);
  expect(small.requests.filter(({ batch }) => batch > 1)).toHaveLength(1);
});

it("the window that is found is as good", async () => {
  class Slow extends TableDenoiser {
    override async forward(request: ForwardRequest): Promise<Float32Array> {
      await new Promise((resolve) => {
        setTimeout(resolve, 4);
      });
      return super.forward(request);
    }
  }
  const options = { strategy: "confidence", steps: 20, length: 20, seed: 3 } as const;
  const { tokens } = await sample(new Slow(20, {}, stableLogits), { ...options, window: 1 });
  const found = await sample(new Slow(20, {}, stableLogits), options);
  expect(found.tokens).toEqual(tokens);
});
