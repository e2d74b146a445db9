/** Runs in continuous time: what the network is asked, what the events say, what is refused. */
import { describe, expect, it } from "@jest/globals";
import {
  defineStrategy,
  OptionError,
  sample,
  sampleEvents,
  type NextEvent,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { collect, replay } from "../support/replay.ts";
import { MASK, TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 10;
const plain: SamplerOptions = { strategy: "first-hitting", seed: 3 };
const remasking: SamplerOptions = {
  strategy: { kind: "first-hitting", rate: 3, tSwitch: 0.8 },
  seed: 3,
};
const strided = { stride: 4, strides: 2 };

describe("without remasking", () => {
  it("every position has a call of its own, at the time of its event", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    const { events, outcome } = await collect(sampleEvents(denoiser, plain));
    const reveals = events.filter((event) => event.type === "revealed");
    expect(outcome.stats).toEqual({
      ...{ forwardCalls: LENGTH, forwardRows: LENGTH, steps: LENGTH },
      ...{ rounds: LENGTH, sequences: LENGTH },
      tokensPerForward: 1,
    });
    expect(reveals.map(({ step }) => step)).toEqual(Array.from({ length: LENGTH }, (_, i) => i));
    expect(new Set(reveals.flatMap(({ positions }) => positions)).size).toBe(LENGTH);
    reveals.forEach(({ time, positions }, i) => {
      expect(time).toBeLessThan(i === 0 ? 1 : reveals[i - 1].time);
      const { rows, sigma, tokens } = denoiser.requests[i];
      expect([...rows]).toEqual(positions);
      expect(sigma[0]).toBe(Math.fround(-Math.log1p(-(1 - 1e-3) * time)));
      expect(tokens.filter((token) => token === MASK)).toHaveLength(LENGTH - i);
    });
  });

  it("samples share calls, each on its own clock: no more than L in a batch", async () => {
    const denoiser = new TableDenoiser(LENGTH);
    const { stats } = await sample(denoiser, { ...plain, samples: 6 });
    expect(stats.forwardCalls).toBe(LENGTH);
    expect(stats.forwardRows).toBe(6 * LENGTH);
    expect(new Set(denoiser.requests[1].sigma).size).toBe(6);
  });

  it("one mask takes one call, and a prompt that fills everything none", async () => {
    const prompt = (count: number) => new Map(Array.from({ length: count }, (_, i) => [i, 2]));
    for (const options of [plain, { ...remasking, strategy: "first-hitting" }]) {
      for (const masks of [1, 0]) {
        const pinned = prompt(LENGTH - masks);
        const { stats, tokens } = await sample(new TableDenoiser(LENGTH), { ...options, pinned });
        expect(stats.forwardCalls).toBe(masks);
        expect(tokens[0]).not.toContain(MASK);
      }
    }
    const pinned = prompt(LENGTH);
    const { stats } = await sample(new TableDenoiser(LENGTH), { ...remasking, pinned });
    expect(stats.forwardCalls).toBe(0);
  });
});

describe.each([
  ["plain", plain],
  ["remasking", remasking],
  ["plain, with windows", { ...plain, ...strided }],
  ["remasking, with windows", { ...remasking, ...strided }],
])("a run: %s", (_, options) => {
  const length = LENGTH + (options.stride ?? 0) * (options.strides ?? 0);
  const run = (more: SamplerOptions) => sample(new TableDenoiser(LENGTH), { ...options, ...more });

  it("gives a sample the same tokens in every batch, and another seed others", async () => {
    const { tokens } = await run({ samples: 7, batchSize: 3 });
    expect((await run({ samples: 7, batchSize: 7 })).tokens).toEqual(tokens);
    expect((await run({ firstSample: 5 })).tokens[0]).toEqual(tokens[5]);
    expect((await run({ samples: 7, seed: 4 })).tokens).not.toEqual(tokens);
    expect(new Set(tokens.map((ids) => ids.join())).size).toBe(7);
  });

  it("tells events that add up to its tokens, leaves no mask, touches no pinned position", async () => {
    const pinned = new Map([
      [0, 3],
      [6, 2],
    ]);
    const denoiser = new TableDenoiser(LENGTH);
    const { events, outcome } = await collect(
      sampleEvents(denoiser, { ...options, pinned, samples: 5, batchSize: 2 }),
    );
    const start = Array.from({ length }, (_, i) => pinned.get(i) ?? MASK);
    const states = replay(events, start, MASK);
    outcome.tokens.forEach((ids, b) => {
      expect(states.get(b)).toEqual(ids);
      expect(ids).toHaveLength(length);
      expect(ids).not.toContain(MASK);
      expect([ids[0], ids[6]]).toEqual([3, 2]);
    });
    const clocks = new Map<number, number>();
    for (const event of events) {
      if (event.type !== "revealed" && event.type !== "remasked") continue;
      expect(event.positions).toHaveLength(1);
      expect(event.step).toBe(clocks.get(event.sample) ?? 0); // every event has a number
      clocks.set(event.sample, event.step + 1);
    }
    const kinds = new Set(events.map(({ type }) => type));
    expect(kinds.has("remasked")).toBe(options.strategy !== "first-hitting");
  });

  it("makes progress that never falls, from 0 to its total, which is time in steps of 1/L", async () => {
    const samples = 3;
    const denoiser = new TableDenoiser(LENGTH);
    const { events, outcome } = await collect(sampleEvents(denoiser, { ...options, samples }));
    const progress = events.filter((event) => event.type === "progress");
    const total = samples * LENGTH * (1 + (options.strides ?? 0));
    progress.reduce((before, now) => {
      expect(now.done).toBeGreaterThanOrEqual(before.done);
      expect(now.done).toBeLessThanOrEqual(total);
      return now;
    });
    expect(progress[0].done).toBeLessThan(total / 2);
    expect(progress.at(-1)).toMatchObject({ done: total, total, time: 0, finishedSamples: 3 });
    expect(outcome.stats.steps).toBe(LENGTH);
  });
});

it("remasks only from tSwitch on", async () => {
  const options = { ...remasking, samples: 20 };
  const { events } = await collect(sampleEvents(new TableDenoiser(LENGTH), options));
  const times = events.flatMap((event) => (event.type === "remasked" ? [event.time] : []));
  expect(times.length).toBeGreaterThan(20);
  expect(Math.max(...times)).toBeLessThanOrEqual(0.8);
  expect(Math.max(...times)).toBeGreaterThan(0.6);
});

describe("a strategy of one's own", () => {
  const texts = { source: "a test", summary: "reveals evenly in time" } as const;
  const own = (nextEvent: (...now: never[]) => NextEvent | undefined) =>
    defineStrategy({ kind: "own", ...texts, nextEvent: nextEvent });

  it("goes event by event", async () => {
    const even = defineStrategy({
      kind: "even",
      ...texts,
      options: { end: { type: "number", default: 0.5, range: "[0, 1)", help: "last time" } },
      nextEvent: ({ end }, { t, masked }) =>
        masked === 0 ? undefined : { t: t - (t - end) / masked, remask: 0 },
    });
    const denoiser = new TableDenoiser(4);
    const { events } = await collect(sampleEvents(denoiser, { strategy: even({ end: 0.6 }) }));
    const times = events.flatMap((event) => (event.type === "revealed" ? [event.time] : []));
    expect(times.map((time) => time.toFixed(9))).toEqual(
      [0.9, 0.8, 0.7, 0.6].map((time) => time.toFixed(9)),
    );
  });

  it.each<[string, NextEvent | undefined]>([
    ["a time that rises", { t: 1.1, remask: 0 }],
    ["a time below 0", { t: -0.1, remask: 0 }],
    ["no time", { t: NaN, remask: 0 }],
    ["no chance", { t: 0.5, remask: 1.5 }],
    ["a remask where nothing is revealed", { t: 0.5, remask: 0.5 }],
    ["an end that leaves masks", undefined],
  ])("is refused with %s", async (_, event) => {
    const attempt = sample(new TableDenoiser(4), { strategy: own(() => event) });
    await expect(attempt).rejects.toMatchObject({
      code: "strategy_invalid",
      message: expect.stringMatching(
        /^The strategy own gives (no event|t = .*, remask = .*) after t = 1, with 4 masks and 0 revealed positions$/,
      ),
    });
  });

  it.each<[object, string]>([
    [{ transition: () => ({ reveal: 1, remask: 0 }) }, "definition.transition must be a function"],
    [
      { times: () => Float64Array.of(1, 0) },
      "definition.times must be undefined (a definition that goes event by event",
    ],
    [{ lastStep: "draw" }, "definition.lastStep must be undefined"],
    [{ nextEvent: "soon" }, "definition.transition must be a function, and the only one"],
  ])("is refused with %j", (more, message) => {
    const untyped: unknown = { kind: "own", ...texts, nextEvent: () => undefined, ...more };
    const attempt = () => defineStrategy(untyped as Parameters<typeof defineStrategy>[0]);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(message);
  });
});
