import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  AbortedError,
  compilePlan,
  PhiloxNoise,
  sample,
  sampleEvents,
  type Denoiser,
  type SamplerEvent,
  type SamplerOptions,
  type Strategy,
} from "../../src/sampler/index.ts";
import { collect, replay } from "./support/replay.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const LENGTH = 12;
const base = { strategy: { kind: "remdm-cap", eta: 0.2 }, steps: 20, topP: 0.9 } as const;

const strategies: Strategy[] = [
  { kind: "mdlm" },
  { kind: "forward-backward" },
  { kind: "dfm" },
  { kind: "remdm-cap", eta: 0.2 },
  { kind: "remdm-conf" },
  { kind: "remdm-loop", eta: 0.1 },
  { kind: "remdm", confidence: true, window: { kind: "switch", tSwitch: 0.5 } },
  { kind: "remdm", rescale: 0.5, window: { kind: "loop", tOn: 0.7, tOff: 0.2, alphaOn: 0.7 } },
];

const run = (options: SamplerOptions, length = LENGTH) =>
  sample(new TableDenoiser(length), options).then(({ tokens }) => tokens.map((row) => [...row]));

describe("a seed", () => {
  it("gives the same tokens again, and another seed others", async () => {
    const first = await run({ ...base, seed: 1 });
    expect(await run({ ...base, seed: 1 })).toEqual(first);
    expect(await run({ ...base, seed: 1n })).toEqual(first);
    expect(await run({ ...base, seed: 2 })).not.toEqual(first);
    expect(await run({ ...base, seed: 1n + 2n ** 32n })).not.toEqual(first);
  });

  it.each(strategies)("gives each sample of a batch what it is alone: %j", async (strategy) => {
    const options = { ...base, strategy, seed: 11 };
    const together = await run({ ...options, samples: 9 });
    for (const batchSize of [1, 2, 4, 100]) {
      expect(await run({ ...options, samples: 9, batchSize })).toEqual(together);
    }
    for (const firstSample of [0, 5, 8]) {
      expect(await run({ ...options, firstSample })).toEqual([together[firstSample]]);
    }
    expect(new Set(together.map((row) => row.join())).size).toBe(9);
  });

  it("is not looked at when the noise is given", async () => {
    const noise = new PhiloxNoise(7n);
    const { tokens } = await sample(new TableDenoiser(LENGTH), { ...base, seed: 1 }, noise);
    expect(tokens.map((row) => [...row])).toEqual(await run({ ...base, seed: 7 }));
  });
});

describe("the events of any run", () => {
  const anyRun = fc.record({
    strategy: fc.constantFrom(...strategies),
    steps: fc.integer({ min: 1, max: 30 }),
    topP: fc.constantFrom(0.5, 0.9, 1),
    samples: fc.integer({ min: 1, max: 5 }),
    firstSample: fc.nat(100),
    batchSize: fc.integer({ min: 1, max: 6 }),
    length: fc.integer({ min: 1, max: LENGTH }),
    seed: fc.bigInt(0n, 2n ** 64n - 1n),
    pins: fc.array(fc.tuple(fc.nat(LENGTH - 1), fc.constantFrom(0, 2, 3)), { maxLength: 8 }),
  });

  it("replay to the result, touch no pinned position and leave no mask", async () => {
    await fc.assert(
      fc.asyncProperty(anyRun, async ({ pins, ...options }) => {
        const { length, samples, firstSample } = options;
        const pinned = new Map(pins.filter(([position]) => position < length));
        const denoiser = new TableDenoiser(LENGTH);
        const { events, outcome } = await collect(sampleEvents(denoiser, { ...options, pinned }));
        const start = Array.from({ length }, (_, i) => pinned.get(i) ?? MASK);
        const replayed = replay(events, start, MASK);
        outcome.tokens.forEach((tokens, i) => {
          expect(replayed.get(firstSample + i)).toEqual([...tokens]);
          expect(tokens).not.toContain(MASK);
          for (const [position, token] of pinned) expect(tokens[position]).toBe(token);
        });
        for (const event of events) {
          if (event.type !== "revealed" && event.type !== "remasked") continue;
          expect([...event.positions].some((position) => pinned.has(position))).toBe(false);
        }
        const finished = events.filter((event) => event.type === "finished");
        expect(finished.map((event) => event.sample).sort((a, b) => a - b)).toEqual(
          Array.from({ length: samples }, (_, i) => firstSample + i),
        );
        for (const { sample: index, tokens } of finished) {
          expect(tokens).toEqual(outcome.tokens[index - firstSample]);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("come in the order of time for each sample, with the times of the plan", async () => {
    const strategy: Strategy = { kind: "dfm" };
    const options = { ...base, strategy, samples: 5, batchSize: 3 };
    const { events, outcome } = await collect(sampleEvents(new TableDenoiser(LENGTH), options));
    const plan = compilePlan(strategy, options.steps);
    expect(outcome.stats.steps).toBe(plan.steps);
    const last = new Map<number, number>();
    for (const event of events) {
      if (event.type !== "revealed" && event.type !== "remasked") continue;
      expect(event.step).toBeGreaterThanOrEqual(last.get(event.sample) ?? 0);
      expect(event.step).toBeLessThanOrEqual(plan.steps);
      expect(event.time).toBe(plan.times[event.step]);
      last.set(event.sample, event.step);
    }
  });

  it("report progress after each forward call and at the end, never backwards", async () => {
    const options = { ...base, samples: 5, batchSize: 2 };
    const { events, outcome } = await collect(sampleEvents(new TableDenoiser(LENGTH), options));
    const progress = events.filter((event) => event.type === "progress");
    const calls = progress.map(({ forwardCalls }) => forwardCalls);
    expect(calls).toEqual([
      ...Array.from({ length: outcome.stats.forwardCalls }, (_, i) => i + 1),
      outcome.stats.forwardCalls,
    ]);
    progress.reduce((before, now) => {
      expect(now.done).toBeGreaterThan(before.done - 1);
      expect(now.forwardRows).toBeGreaterThanOrEqual(before.forwardRows);
      return now;
    });
    expect(events.at(-1)).toEqual({
      type: "progress",
      done: 5 * 20,
      total: 5 * 20,
      step: 20,
      time: 0,
      finishedSamples: 5,
      samples: 5,
      forwardCalls: outcome.stats.forwardCalls,
      forwardRows: outcome.stats.forwardRows,
    });
  });
});

describe("what the network is asked", () => {
  it("is one row for each reveal, and nothing else", async () => {
    for (const strategy of strategies) {
      const denoiser = new TableDenoiser(LENGTH);
      const options = { ...base, strategy, samples: 6, batchSize: 4 };
      const { events, outcome } = await collect(sampleEvents(denoiser, options));
      const rows = denoiser.requests.reduce((sum, request) => sum + request.rows.length, 0);
      expect(outcome.stats.forwardRows).toBe(rows);
      expect(rows).toBe(countReveals(events));
      expect(outcome.stats.forwardCalls).toBe(denoiser.requests.length);
    }
  });

  it("does not grow with the number of steps: quiet steps call nothing", async () => {
    const strategy: Strategy = { kind: "mdlm" };
    const denoiser = new TableDenoiser(LENGTH);
    const { stats } = await sample(denoiser, { strategy, steps: 5000 });
    expect(stats.forwardCalls).toBeLessThanOrEqual(LENGTH);
    expect(stats.forwardRows).toBe(LENGTH);
  });

  it("shows each sample before its step, at its own sigma(t)", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    const { events } = await collect(sampleEvents(denoiser, { ...base, steps: 6 }));
    const reveals = events.filter((event) => event.type === "revealed");
    const start = Array.from({ length: LENGTH }, () => MASK);
    expect(reveals).toHaveLength(denoiser.requests.length);
    reveals.forEach(({ step, time, positions }, call) => {
      const request = denoiser.requests[call];
      const before = replay(events, start, MASK, step).get(0) ?? start;
      expect([...request.tokens]).toEqual(before);
      expect([...request.rows]).toEqual(positions);
      expect(request.sigma[0]).toBe(Math.fround(-Math.log1p(-(1 - 1e-3) * time)));
    });
  });

  it("comes in full batches while samples wait", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    await sample(denoiser, { ...base, samples: 30, batchSize: 4 });
    const sizes = denoiser.requests.map(({ batch }) => batch);
    const firstSmall = sizes.findIndex((size) => size < 4);
    expect(Math.max(...sizes)).toBe(4);
    // Only the last three samples of each of the two lanes can leave places empty.
    expect(sizes.slice(firstSmall).every((size) => size < 4)).toBe(true);
    expect(firstSmall / sizes.length).toBeGreaterThan(0.7);
    const sequences = sizes.reduce((sum, size) => sum + size, 0);
    expect(sequences / sizes.length).toBeGreaterThan(0.9 * 4);
  });

  it("is nothing at all when every position is pinned", async () => {
    const denoiser = new TableDenoiser(3);
    const pinned = new Map([
      [0, 2],
      [1, 0],
      [2, 3],
    ]);
    const { tokens, stats } = await sample(denoiser, { ...base, pinned, samples: 2 });
    expect(tokens.map((row) => [...row])).toEqual([
      [2, 0, 3],
      [2, 0, 3],
    ]);
    expect(stats).toEqual({
      ...{ forwardCalls: 0, forwardRows: 0, rounds: 0, sequences: 0 },
      ...{ steps: 20, tokensPerForward: 0 },
    });
  });
});

describe("the final noise removal", () => {
  it("gives each remaining mask its likeliest token, at the last time", async () => {
    // Noise that never reveals: all is left to the end.
    const never = { position: () => 0.999999, token: () => 0.5 };
    const strategy: Strategy = { kind: "mdlm" };
    const denoiser = new TableDenoiser(3, {}, () => Float32Array.of(0, 9, 2, 1));
    const { events, outcome } = await collect(
      sampleEvents(denoiser, { strategy, steps: 4 }, never),
    );
    expect(outcome.tokens.map((row) => [...row])).toEqual([[2, 2, 2]]);
    expect(outcome.stats).toEqual({
      forwardCalls: 1,
      forwardRows: 3,
      rounds: 1,
      sequences: 1,
      steps: 4,
      tokensPerForward: 3,
    });
    expect(events[0]).toMatchObject({ type: "revealed", step: 4, time: 1e-5 });
  });
});

describe("stopping", () => {
  it("at once when the signal has fired before", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    const signal = AbortSignal.abort(new Error("enough"));
    const attempt = sample(denoiser, { ...base, signal });
    await expect(attempt).rejects.toThrow(AbortedError);
    await expect(attempt).rejects.toMatchObject({ code: "aborted", cause: new Error("enough") });
    expect(denoiser.requests).toEqual([]);
  });

  it("before the next forward call when the signal fires during one", async () => {
    const controller = new AbortController();
    const inner = new TableDenoiser(LENGTH);
    const denoiser: Denoiser = {
      model: inner.model,
      forward: (request) => {
        controller.abort();
        return inner.forward(request);
      },
    };
    const attempt = sample(denoiser, { ...base, signal: controller.signal });
    await expect(attempt).rejects.toThrow(AbortedError);
    expect(inner.requests).toHaveLength(1);
  });

  it("passes the signal on, and a denoiser that heeds it ends the run with AbortedError", async () => {
    const controller = new AbortController();
    const denoiser: Denoiser = {
      model: new TableDenoiser(LENGTH).model,
      forward: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("stopped")));
          setTimeout(() => controller.abort(), 5);
        }),
    };
    const attempt = sample(denoiser, { ...base, signal: controller.signal });
    await expect(attempt).rejects.toMatchObject({ code: "aborted", cause: new Error("stopped") });
  });

  it("lets a timer stop a run that computes for long without the network", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 30);
    const strategy: Strategy = { kind: "remdm", cap: 1e-9 };
    const attempt = sample(new TableDenoiser(20_000, {}, () => Float32Array.of(1, 0, 0, 0)), {
      strategy,
      steps: 1_000_000,
      length: 20_000,
      pinned: new Map(Array.from({ length: 19_999 }, (_, i) => [i, 0])),
      samples: 1_000_000,
      signal: controller.signal,
    });
    await expect(attempt).rejects.toThrow(AbortedError);
  });

  it("by leaving the loop: no further call is made", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    for await (const event of sampleEvents(denoiser, base)) {
      if (event.type === "revealed") break;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(denoiser.requests).toHaveLength(1);
  });
});

describe("a denoiser that fails", () => {
  const failing = (forward: Denoiser["forward"]): Denoiser => ({
    model: new TableDenoiser(LENGTH).model,
    forward,
  });

  it("ends the run with its own error", async () => {
    const error = new Error("out of memory");
    const denoiser = failing(() => Promise.reject(error));
    await expect(sample(denoiser, base)).rejects.toBe(error);
  });

  it("is found out when it answers with too few or too many rows", async () => {
    for (const extra of [-1, 4]) {
      const denoiser = failing(({ rows }) =>
        Promise.resolve(new Float32Array(rows.length * 4 + extra)),
      );
      await expect(sample(denoiser, base)).rejects.toMatchObject({
        code: "denoiser_invalid",
        message: expect.stringMatching(/answered with \d+ logits instead of \d+ \(\d+ rows of 4\)/),
      });
    }
  });

  it("is found out when it answers with NaN, and the message says where", async () => {
    const denoiser = failing(({ rows }) =>
      Promise.resolve(new Float32Array(rows.length * 4).fill(NaN)),
    );
    await expect(sample(denoiser, { ...base, firstSample: 6 })).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: expect.stringMatching(/sample 6, step \d+, position \d+ holds NaN for token 0/),
    });
  });
});

function countReveals(events: readonly SamplerEvent[]): number {
  return events.reduce(
    (sum, event) => sum + (event.type === "revealed" ? event.positions.length : 0),
    0,
  );
}
