/** Strategies of the user's own that draw first, grids of times, and how often a run asks a definition. */
import { describe, expect, it } from "@jest/globals";
import { pinPrompt, preparePrompted } from "../../src/program/prompt.ts";
import { runEvents } from "../../src/sampler/run.ts";
import {
  compilePlan,
  defineStrategy,
  linearTimes,
  OptionError,
  posterior,
  prepare,
  sample,
  sampleEvents,
  type AnyStrategy,
  type DenoiserModel,
  type SamplerOptions,
  type Transition,
} from "../../src/sampler/index.ts";
import { collect } from "./support/replay.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const model: DenoiserModel = { vocabSize: 4, maskId: MASK, length: 6, timeConditioning: false };
const TEXTS = { source: "a test", summary: "for the test" } as const;

const cap = defineStrategy({
  kind: "my-cap",
  ...TEXTS,
  options: { eta: { type: "number", default: 0.008, range: "[0, 1]", help: "most" } },
  transition: ({ eta }, step) => posterior(step, Math.min(eta, step.sigmaMax)),
});

const conf = defineStrategy({
  kind: "my-conf",
  ...TEXTS,
  confidence: () => true,
  // A masked position has no part in the softmax: its chance of a reveal is MDLM's.
  transition: (_, step) => ({ ...posterior(step, 0), remask: step.sigmaMax }),
});

/** Chances that a test makes up. */
const giving = (chances: unknown) =>
  defineStrategy({ kind: "giving", ...TEXTS, transition: () => chances as Transition });

describe("a copy of a built-in strategy gives its tokens, events and counts", () => {
  const cases: [string, AnyStrategy, AnyStrategy][] = [
    ["remdm-cap", cap({ eta: 0.3 }), { kind: "remdm-cap", eta: 0.3 }],
    ["remdm-cap, by default", cap, "remdm-cap"],
    ["remdm-conf", conf, { kind: "remdm-conf" }],
  ];
  const pinned = new Map([[1, 2]]);
  it.each(
    cases.flatMap(([name, own, builtIn]) =>
      [
        {},
        { topP: 1 },
        { pinned },
        { stride: 2, strides: 3, pinned },
        { steps: [1, 0.9, 0.5, 0.2, 0] },
        { quirks: "paper" } as const,
      ].map((more) => [name, JSON.stringify(more), own, builtIn, more] as const),
    ),
  )("%s %s", async (_, __, own, builtIn, more) => {
    const options = { steps: 9, samples: 6, batchSize: 4, seed: 7, ...more };
    const run = async (strategy: AnyStrategy) =>
      collect(sampleEvents(new TableDenoiser(6), { strategy, ...options }));
    const [mine, theirs] = [await run(own), await run(builtIn)];
    expect(mine).toEqual(theirs);
    expect(theirs.events.some(({ type }) => type === "revealed")).toBe(true);
  });

  it("and remasks: the comparison is about something", async () => {
    const options = { strategy: conf, steps: 9, samples: 6, seed: 7 };
    const { events } = await collect(sampleEvents(new TableDenoiser(6), options));
    expect(events.some(({ type }) => type === "remasked")).toBe(true);
  });
});

describe("chances that are none", () => {
  it.each<[unknown, string]>([
    [{ reveal: 1.01, remask: 0 }, "1.01 as the chance of a reveal"],
    [{ reveal: -0.1, remask: 0 }, "-0.1 as the chance of a reveal"],
    [{ reveal: NaN, remask: 0 }, "NaN as the chance of a reveal"],
    [{ reveal: 0, remask: 2 }, "2 as the chance of a remask"],
    [{ reveal: 0, remask: NaN }, "NaN as the chance of a remask"],
    [{ reveal: 0 }, "undefined as the chance of a remask"],
    [{ reveal: "0.5", remask: 0 }, '"0.5" as the chance of a reveal'],
    [undefined, "undefined as the chance of a reveal"],
    [null, "undefined as the chance of a reveal"],
    [Promise.resolve({ reveal: 0, remask: 0 }), "undefined as the chance of a reveal"],
  ])("%j", (chances, message) => {
    const attempt = () => prepare({ strategy: giving(chances), steps: 3 }, model);
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "strategy_invalid",
        message: `The strategy giving gives ${message} in step 0`,
        remedy: expect.stringMatching(/^Let its transition return re(veal|mask) in \[0, 1\]\.$/),
      }),
    );
  });

  it("in a later step are found before anything is asked", async () => {
    const late = defineStrategy({
      kind: "late",
      ...TEXTS,
      transition: (_, { t }) => ({ reveal: 0.1, remask: t < 0.3 ? 1.5 : 0 }),
    });
    const denoiser = new TableDenoiser(6);
    await expect(sample(denoiser, { strategy: late, steps: 4 })).rejects.toThrow(
      "The strategy late gives 1.5 as the chance of a remask in step 3",
    );
    expect(denoiser.requests).toEqual([]);
  });

  it.each([
    { reveal: 0, remask: 0 },
    { reveal: 1, remask: 1 },
    { reveal: 1, remask: 0 },
  ])("the ends of the range are chances: %j", async (chances) => {
    const { tokens } = await sample(new TableDenoiser(6), { strategy: giving(chances), steps: 3 });
    expect(tokens[0]).not.toContain(MASK);
  });
});

it("a last step that draws gives other texts than one that takes the likeliest", async () => {
  const last = (lastStep: "argmax" | "draw") =>
    defineStrategy({
      kind: lastStep,
      ...TEXTS,
      lastStep,
      transition: () => ({ reveal: 0, remask: 0 }),
    });
  const options = { steps: 1, samples: 40, topP: 1 };
  const texts = async (lastStep: "argmax" | "draw") => {
    const { tokens } = await sample(new TableDenoiser(6), { strategy: last(lastStep), ...options });
    return new Set(tokens.map((text) => text.join())).size;
  };
  expect(await texts("argmax")).toBe(1);
  expect(await texts("draw")).toBeGreaterThan(20);
});

describe("steps as times", () => {
  const base = { strategy: { kind: "remdm-cap", eta: 0.2 }, samples: 4, seed: 3 } as const;
  const run = (options: SamplerOptions) =>
    collect(sampleEvents(new TableDenoiser(6), { ...base, ...options }));

  it("are as good as the number that gives them", async () => {
    const byNumber = await run({ steps: 8 });
    expect(await run({ steps: linearTimes(8) })).toEqual(byNumber);
    expect(await run({ steps: [...linearTimes(8)] })).toEqual(byNumber);
    expect(byNumber.outcome.stats.steps).toBe(8);
    const windows = { stride: 2, strides: 1 };
    expect(await run({ steps: linearTimes(8, 0), ...windows })).toEqual(
      await run({ steps: 8, ...windows }),
    );
  });

  it("go from one to the next", async () => {
    const times = [1, 0.8, 0.35, 0];
    const { events, outcome } = await run({ steps: times });
    expect(outcome.stats.steps).toBe(3);
    for (const event of events) {
      if (event.type === "revealed") expect(event.time).toBe(times[event.step]);
    }
  });

  it("are the run's own: changing the array later changes nothing", () => {
    const times = Float64Array.of(1, 0.5, 0);
    const prepared = prepare({ ...base, steps: times }, model);
    times.fill(0);
    expect(prepared.loop).toMatchObject({ plan: { times: Float64Array.of(1, 0.5, 0) } });
  });

  it.each<[string, unknown]>([
    ["0 before the last time", [1, 0.5, 0, 0]],
    ["rising", [1, 0.2, 0.4]],
    ["not from 1", [0.9, 0.5, 0]],
    ["from above 1", [1.5, 1, 0]],
    ["below 0", [1, 0.5, -0.1]],
    ["one number", [1]],
    ["none", []],
    ["NaN", [1, NaN, 0]],
    ["undefined", [1, undefined, 0]],
    ["texts", ["1", "0.5", "0"]],
    ["a typed array of bigints", BigInt64Array.of(1n, 0n)],
    ["bigints", [1n, 0n]],
    ["bytes without numbers", new DataView(new ArrayBuffer(8))],
    ["too many", { toJSON: () => "1,000,002", times: linearTimes(1_000_001) }],
  ])("are refused: %s", (_, given) => {
    const steps =
      typeof given === "object" && given !== null && "times" in given ? given.times : given;
    const untyped = { ...base, steps } as unknown as SamplerOptions;
    const attempt = () => prepare(untyped, model);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(
      /^steps must be a number of steps, or an array of times that never rise, from 1 to 0 or above \(two or more, only the last 0\); got an (array of \d+|object)$/,
    );
  });

  it.each<[string, unknown]>([
    ["a text", "8"],
    ["a set", new Set([1, 0])],
    ["a bigint", 8n],
  ])("are refused where they are no array: %s", (_, steps) => {
    const untyped = { ...base, steps } as unknown as SamplerOptions;
    expect(() => prepare(untyped, model)).toThrow(/^steps must be an integer in \[1, 1000000\]/);
  });

  it("do not go with ar, nor with the dense executor", () => {
    const steps = [1, 0.5, 0];
    expect(() => prepare({ steps }, { ...model, kind: "ar", bosId: 0 })).toThrow(
      "steps must be undefined (ar takes one step a token); got an array of 3",
    );
    expect(() => prepare({ ...base, steps, executor: "dense" }, model)).toThrow(
      "steps must be an integer in [1, 1000000]; got an array of 3",
    );
    expect(() => prepare({ steps }, { ...model, kind: "d3pm" })).toThrow(
      "steps must be an integer",
    );
  });

  it("go with sedd, and with a strategy that asks first", async () => {
    const steps = [1, 0.5, 0.1];
    const { stats } = await sample(new TableDenoiser(4, { kind: "sedd" }), { steps });
    expect(stats.steps).toBe(2);
  });
});

describe("a definition's own times", () => {
  const withTimes = (times: (steps: number) => unknown) =>
    defineStrategy({
      kind: "timed",
      ...TEXTS,
      times: (steps) => times(steps) as Float64Array,
      transition: (_, step) => posterior(step, 0),
    });
  const squares = (steps: number) =>
    Float64Array.from({ length: steps + 1 }, (_, i) => ((steps - i) / steps) ** 2);

  it("are the grid for a number of steps, and not for times that a caller gives", () => {
    const timesOf = (options: SamplerOptions) => {
      const { loop, steps } = prepare({ strategy: withTimes(squares), ...options }, model);
      return { times: loop.kind === "drawFirst" ? [...loop.plan.times] : [], steps };
    };
    expect(timesOf({ steps: 2 })).toEqual({ times: [1, 0.25, 0], steps: 2 });
    expect(timesOf({}).steps).toBe(6);
    expect(timesOf({ steps: 2, stride: 2, strides: 1 }).times).toEqual([1, 0.25, 0]);
    expect(timesOf({ steps: [1, 0.5] })).toEqual({ times: [1, 0.5], steps: 1 });
    expect([...compilePlan(withTimes(squares), 2).times]).toEqual([1, 0.25, 0]);
  });

  it.each<[string, unknown]>([
    ["a plain array", [1, 0]],
    ["nothing", undefined],
    ["times that rise", Float64Array.of(1, 0.2, 0.5)],
    ["times from elsewhere", Float64Array.of(0.9, 0)],
    ["times below 0", Float64Array.of(1, -1)],
    ["0 twice", Float64Array.of(1, 0, 0)],
    ["one time", Float64Array.of(1)],
    ["NaN", Float64Array.of(1, NaN)],
  ])("must fall from 1: %s", (_, times) => {
    const strategy = withTimes(() => times);
    for (const attempt of [
      () => prepare({ strategy, steps: 3 }, model),
      () => compilePlan(strategy, 3),
    ]) {
      expect(attempt).toThrow(
        expect.objectContaining({
          code: "strategy_invalid",
          message: "The time grid of the strategy timed rises, or does not go from 1 to 0 or above",
        }),
      );
    }
  });
});

describe("a definition is asked once", () => {
  function counted() {
    const calls = { transition: 0, confidence: 0, times: 0, narrow: 0 };
    const strategy = defineStrategy({
      kind: "counted",
      ...TEXTS,
      options: {
        low: { type: "number", default: 0, range: "[0, 1]", help: "low" },
        high: {
          type: "number",
          default: 1,
          range: "[0, 1]",
          narrow: ({ low }) => {
            calls.narrow++;
            return { range: `[${low}, 1]` };
          },
          help: "high",
        },
      },
      times: (steps) => {
        calls.times++;
        return linearTimes(steps);
      },
      confidence: () => {
        calls.confidence++;
        return false;
      },
      transition: (_, step) => {
        calls.transition++;
        return posterior(step, 0);
      },
    });
    return { calls, strategy };
  }

  const letters = {
    name: "letters",
    vocabSize: 4,
    encode: async (text: string) => Array.from(text, (letter) => (letter === "a" ? 0 : 2)),
    decode: () => "",
  };

  it("a run and once a step, whatever its prompt, samples and batches", async () => {
    const { calls, strategy } = counted();
    const made = strategy({ low: 0.5 });
    Object.assign(calls, { narrow: 0 }); // the check of the definition, and making the strategy
    const denoiser = new TableDenoiser(6);
    const options = { strategy: made, steps: 5, samples: 7, batchSize: 2, prompt: "ab" };
    const prompted = preparePrompted(options, denoiser.model);
    const once = { transition: 5, confidence: 1, times: 1, narrow: 1 };
    expect(calls).toEqual(once);
    const run = await pinPrompt(prompted, letters, denoiser.model);
    const { outcome } = await collect(runEvents(denoiser, run));
    expect(outcome.tokens.map((tokens) => tokens.slice(0, 2))).toEqual(
      Array.from({ length: 7 }, () => [0, 2]),
    );
    expect(calls).toEqual(once);
  });

  it("in `sampleEvents` and `sample` too, with windows", async () => {
    const { calls, strategy } = counted();
    Object.assign(calls, { narrow: 0 });
    await sample(new TableDenoiser(6), { strategy, steps: 4, samples: 3, stride: 2, strides: 3 });
    expect(calls).toEqual({ transition: 4, confidence: 1, times: 1, narrow: 1 });
  });
});

it.each([
  [0.76, 0.5, 0.375],
  [-0.1, 0.5, 0.375],
  [NaN, 0.5, 0.375],
])("posterior refuses sigma = %s at t = %s, s = %s", (sigma, t, s) => {
  const sigmaMax = s / (1 - t);
  const step = { t, s, alphaT: 1 - t, alphaS: 1 - s, sigmaMax, quirks: "original" } as const;
  expect(() => posterior(step, sigma)).toThrow(
    expect.objectContaining({
      code: "strategy_invalid",
      message: `sigma is ${sigma} at t = 0.5, outside [0, sigmaMax] = [0, 0.75]`,
    }),
  );
  expect(posterior(step, sigmaMax)).toEqual({ reveal: 1, remask: 0.75 });
});
