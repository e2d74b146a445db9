/** What the events of every kind of run carry: the token that left, the chance of the one that came, and the clock. */
import { describe, expect, it } from "@jest/globals";
import {
  sampleEvents,
  type DenoiserModel,
  type SamplerEvent,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import { collect, replay } from "./support/replay.ts";
import { MASK, TableDenoiser, tableLogits, VOCAB_SIZE } from "./support/tableDenoiser.ts";

const LENGTH = 6;
const BOS = 3;

const RUNS: [string, Partial<DenoiserModel>, SamplerOptions][] = [
  ["events", {}, { strategy: { kind: "remdm-cap", eta: 0.3 } }],
  ["events with windows", {}, { strategy: { kind: "forward-backward" }, stride: 2, strides: 2 }],
  ["dense", {}, { strategy: { kind: "remdm-cap", eta: 0.3 }, executor: "dense" }],
  [
    "dense in bfloat16",
    { dtype: "bfloat16" },
    { strategy: { kind: "remdm-conf" }, executor: "dense" },
  ],
  ["dense with windows", {}, { executor: "dense", stride: 2, strides: 2 }],
  ["dense, analytic", {}, { strategy: { kind: "analytic" }, executor: "dense" }],
  ["d3pm", { kind: "d3pm" }, {}],
  ["sedd", { kind: "sedd" }, {}],
  ["sedd, dense", { kind: "sedd" }, { executor: "dense" }],
];

describe.each(RUNS)("%s", (_, model, options) => {
  const long = { ...options, steps: 9, samples: 3, batchSize: 2, seed: 4 };
  const run = () => collect(sampleEvents(new TableDenoiser(LENGTH, model), long));

  it("is the same in JSON, with plain numbers", async () => {
    const { events, outcome } = await run();
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    expect(JSON.parse(JSON.stringify(outcome))).toEqual(outcome);
    expect(JSON.stringify(events)).not.toContain('"0":');
  });

  it("names the token that was remasked", async () => {
    const { events } = await run();
    const states = new Map<number, Map<number, number>>();
    for (const event of events) {
      if (event.type !== "revealed" && event.type !== "remasked") continue;
      const state = states.get(event.sample) ?? new Map<number, number>();
      states.set(event.sample, state);
      expect(event.tokens).toHaveLength(event.positions.length);
      event.positions.forEach((position, i) => {
        if (event.type === "remasked") expect(event.tokens[i]).toBe(state.get(position));
        state.set(position, event.type === "revealed" ? event.tokens[i] : MASK);
      });
    }
    expect(states.size).toBe(3);
  });

  it("gives each revealed token a probability", async () => {
    const { events } = await run();
    const reveals = events.filter((event) => event.type === "revealed");
    expect(reveals.length).toBeGreaterThan(2);
    for (const { probabilities, positions } of reveals) {
      expect(probabilities).toHaveLength(positions.length);
      for (const probability of probabilities) {
        expect(probability).toBeGreaterThan(0);
        expect(probability).toBeLessThanOrEqual(1 + 1e-6);
      }
    }
  });

  it("gives each revealed token its log-probability in the whole row", async () => {
    const { events } = await run();
    for (const { probabilities, logProbabilities } of events.filter(
      (event) => event.type === "revealed",
    )) {
      expect(logProbabilities).toHaveLength(probabilities.length);
      for (const [i, log] of logProbabilities.entries()) {
        expect(log).toBeLessThanOrEqual(0);
        // A nucleus takes nothing from the tokens that it keeps.
        expect(Math.exp(log)).toBeLessThanOrEqual(probabilities[i] + 0.01);
        expect(log).toBeGreaterThan(-10);
      }
    }
  });

  it("tells where the first sample under way stands: its steps rise, its time falls to 0", async () => {
    const { events } = await run();
    const clocks = events.filter((event) => event.type === "progress");
    const [last] = clocks.slice(-1);
    expect(last).toMatchObject({ time: 0, done: last.total, finishedSamples: 3 });
    let before = { step: -1, time: 2, finishedSamples: 0, done: -1 };
    for (const clock of clocks) {
      expect(clock.done).toBeGreaterThanOrEqual(before.done);
      expect(clock.done).toBeLessThanOrEqual(clock.total);
      if (clock.finishedSamples === before.finishedSamples && clock.step > before.step) {
        if (options.stride === undefined) expect(clock.time).toBeLessThan(before.time);
      }
      before = clock;
    }
  });
});

it("counts 9 steps of 9: the final noise removal is none", async () => {
  const options = { steps: 9, samples: 2, stride: 2, strides: 3 };
  const { events } = await collect(sampleEvents(new TableDenoiser(LENGTH), options));
  const progress = events.filter((event) => event.type === "progress");
  expect(progress.at(-1)).toMatchObject({ done: 72, total: 72 }); // 2 samples, 4 windows
});

/** The chances of the tokens at a masked position of `tokens`, after a nucleus that drops the token that crosses p. */
function chances(tokens: readonly number[], sigma: number, position: number, topP = 1): number[] {
  const row = tableLogits(tokens, sigma, position);
  const weights = Array.from(row, (logit, token) => (token === MASK ? 0 : Math.exp(logit)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = [0, 2, 3].sort((a, b) => weights[b] - weights[a]);
  let mass = 0;
  const kept = order.filter((token, i) => {
    mass += weights[token] / total;
    return i === 0 || topP === 1 || mass <= topP;
  });
  const left = kept.reduce((sum, token) => sum + weights[token], 0);
  return weights.map((weight, token) => (kept.includes(token) ? weight / left : 0));
}

describe("the probability is that of the distribution it was drawn from", () => {
  const sigmaOf = (time: number) => Math.fround(-Math.log1p(-(1 - 1e-3) * time));

  it.each([
    ["events", 1],
    ["events", 0.7],
    ["dense", 1],
    ["dense", 0.7],
  ] as const)("%s, p = %d", async (executor, topP) => {
    const options: SamplerOptions = {
      strategy: { kind: "remdm-cap", eta: 0.3 },
      executor,
      topP,
      steps: 12,
      seed: 8,
    };
    const denoiser = new TableDenoiser(LENGTH);
    const { events } = await collect(sampleEvents(denoiser, options));
    const start = new Array<number>(LENGTH).fill(MASK);
    let seen = 0;
    for (const event of events) {
      if (event.type !== "revealed") continue;
      const before = replay(events, start, MASK, event.step).get(0) ?? start;
      event.positions.forEach((position, i) => {
        const isRemoval = event.step === 12; // takes the likeliest
        const row = chances(before, sigmaOf(event.time), position, topP);
        expect(event.probabilities[i]).toBeCloseTo(isRemoval ? 1 : row[event.tokens[i]], 4);
        const whole = chances(before, sigmaOf(event.time), position);
        expect(event.logProbabilities[i]).toBeCloseTo(Math.log(whole[event.tokens[i]]), 4);
        seen++;
      });
    }
    expect(seen).toBeGreaterThan(LENGTH);
  });

  it.each(["events", "dense"] as const)("ar, %s", async (executor) => {
    const denoiser = new TableDenoiser(LENGTH, { kind: "ar", bosId: BOS });
    const options = { executor, topP: 0.7, samples: 3, seed: 2 } as const;
    const { events, outcome } = await collect(sampleEvents(denoiser, options));
    const reveals = events.filter((event) => event.type === "revealed");
    expect(reveals).toHaveLength(3 * (LENGTH - 2));
    for (const { sample, positions, tokens, probabilities, logProbabilities } of reveals) {
      const prefix = outcome.tokens[sample].slice(0, positions[0]);
      const row = chances(prefix, 0, positions[0] - 1, 0.7);
      expect(probabilities[0]).toBeCloseTo(row[tokens[0]], 4);
      const whole = chances(prefix, 0, positions[0] - 1);
      expect(logProbabilities[0]).toBeCloseTo(Math.log(whole[tokens[0]]), 4);
    }
  });

  const others: [string, Partial<DenoiserModel>, SamplerOptions][] = [
    ["sedd", { kind: "sedd" }, {}],
    ["sedd, dense", { kind: "sedd" }, { executor: "dense" }],
    ["d3pm", { kind: "d3pm" }, {}],
    ["d3pm without a mask", { kind: "d3pm", subsMasking: true }, {}],
    ["analytic, dense", {}, { strategy: "analytic", executor: "dense" }],
    ["temperature and top-k", {}, { temperature: 2, topK: 2, topP: 0.9 }],
    ["temperature 0", {}, { temperature: 0 }],
  ];
  it.each(others)("and its log is that of the whole row: %s", async (_, model, options) => {
    const run = { steps: 12, seed: 8, ...options };
    const { events } = await collect(sampleEvents(new TableDenoiser(LENGTH, model), run));
    const start = new Array<number>(LENGTH).fill(MASK);
    let seen = 0;
    for (const event of events) {
      if (event.type !== "revealed") continue;
      const before = replay(events, start, MASK, event.step).get(0) ?? start;
      event.positions.forEach((position, i) => {
        const row = chances(before, sigmaOf(event.time), position);
        expect(event.logProbabilities[i]).toBeCloseTo(Math.log(row[event.tokens[i]]), 3);
        seen++;
      });
    }
    expect(seen).toBeGreaterThanOrEqual(LENGTH);
  });

  it("knows what the vocabulary's probabilities sum to", () => {
    const row = chances([MASK, 0], 0.5, 0);
    expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    expect(row).toHaveLength(VOCAB_SIZE);
  });
});

it("a watcher that changes what it is told changes nothing of the result", async () => {
  const options = { steps: 4, samples: 2, seed: 3 };
  const plain = await collect(sampleEvents(new TableDenoiser(LENGTH), options));
  const stream = sampleEvents(new TableDenoiser(LENGTH), options);
  for (;;) {
    const next: IteratorResult<SamplerEvent, unknown> = await stream.next();
    if (next.done === true) {
      expect(next.value).toEqual(plain.outcome);
      break;
    }
    const { value } = next;
    if (value.type === "finished") (value.tokens as number[]).fill(0);
  }
});
