/** A run that begins with a draft: its grid, its events, and what it is refused with. */
import { describe, expect, it } from "@jest/globals";
import { prepare, sampleEvents, type SamplerOptions } from "../../src/sampler/index.ts";
import { collect, replay } from "./support/replay.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const LENGTH = 6;
const denoiser = new TableDenoiser(LENGTH);
const tokens = new Map([
  [1, 2],
  [3, 0],
  [4, 3],
]);
const start = { tokens, time: 0.5 };
const OPTIONS: SamplerOptions = { samples: 16, seed: 3 };

const run = (options: SamplerOptions) => {
  const steps = options.strategy === "threshold" ? {} : { steps: 8 };
  return collect(sampleEvents(denoiser, { ...OPTIONS, ...steps, ...options }));
};

describe.each(["remdm-cap", "remdm-loop", "mdlm", "confidence", "threshold", "analytic"] as const)(
  "with %s",
  (strategy) => {
    it("nothing kept and t0 = 1 is the ordinary run, token for token", async () => {
      const plain = await run({ strategy });
      const begun = await run({ strategy, start: { tokens: new Map(), time: 1 } });
      expect(begun).toEqual(plain);
      const masked = await run({ strategy, start: { tokens, time: 1 } });
      expect(masked.outcome).toEqual(plain.outcome);
    });

    it("its events, from the draft on, make its tokens; samples differ in what is masked", async () => {
      const { events, outcome } = await run({ strategy, start });
      const draft = Array.from({ length: LENGTH }, (_, i) => tokens.get(i) ?? MASK);
      const states = replay(events, draft, MASK);
      outcome.tokens.forEach((ids, i) => expect(states.get(i)).toEqual(ids));
      const first = events.filter((one) => one.type === "remasked" && one.time === 0.5);
      expect(
        new Set(first.map((one) => JSON.stringify({ ...one, sample: 0 }))).size,
      ).toBeGreaterThan(2);
    });

    it("is the same whatever the batch", async () => {
      const { outcome } = await run({ strategy, start });
      const alone = await run({ strategy, start, firstSample: 7, samples: 1, batchSize: 1 });
      expect(alone.outcome.tokens[0]).toEqual(outcome.tokens[7]);
    });
  },
);

it("a draft that mdlm keeps stays, because it remasks nothing", async () => {
  const { events, outcome } = await run({ strategy: "mdlm", start });
  const masked = new Map<number, readonly number[]>();
  for (const event of events) {
    if (event.type === "remasked") masked.set(event.sample, event.positions);
  }
  outcome.tokens.forEach((ids, sample) => {
    for (const [position, token] of tokens) {
      if (masked.get(sample)?.includes(position) !== true) expect(ids[position]).toBe(token);
    }
  });
});

it("the grid begins at t0, and times that are given too", () => {
  const timesOf = (options: SamplerOptions): number[] => {
    const { loop } = prepare({ strategy: "remdm-cap", ...options }, denoiser.model);
    return loop.kind === "drawFirst" ? [...loop.plan.times] : [];
  };
  expect(timesOf({ steps: 2, start })).toEqual([0.5, 0.5 - (0.5 - 1e-5) / 2, 1e-5]);
  expect(timesOf({ steps: [0.5, 0.2, 0], start })).toEqual([0.5, 0.2, 0]);
  expect(() => timesOf({ steps: [1, 0.2, 0], start })).toThrow("from 0.5 to 0 or above");
});

it("works in a guided run", async () => {
  const guide = { reward: () => 0, particles: 2 };
  for (const strategy of ["remdm-cap", "confidence"] as const) {
    const { outcome } = await run({ strategy, start, guide, samples: 4 });
    expect(outcome.tokens.flat()).not.toContain(MASK);
  }
});

describe("refuses", () => {
  it.each<[string, unknown, string]>([
    ["no object", { start: 1 }, "start must be an object; got 1"],
    ["no map", { start: { tokens: {}, time: 0.5 } }, "start.tokens must be a Map"],
    ["no time", { start: { tokens } }, "start.time must be a time in (1e-5, 1]"],
    [
      "a time of 0",
      { start: { tokens, time: 0 } },
      "start.time must be a time in (1e-5, 1]; got 0",
    ],
    ["a time above 1", { start: { tokens, time: 1.1 } }, "start.time must be a time"],
    ["another key", { start: { ...start, share: 1 } }, "share"],
    ["a mask", { start: { tokens: new Map([[0, MASK]]), time: 1 } }, "start position 0 must be a"],
    ["a position beyond", { start: { tokens: new Map([[6, 0]]), time: 1 } }, "start position must"],
    ["a pinned position", { start, pinned: new Map([[3, 0]]) }, "start position must be one that"],
    ["dense", { start, executor: "dense" }, 'executor must be "events" with start'],
    ["blocks", { start, blockLength: 2 }, "blockLength must be undefined with start"],
    ["windows", { start, stride: 2, strides: 1 }, "stride must be undefined with start"],
    [
      "no grid",
      { start, strategy: "first-hitting", steps: undefined },
      "cannot begin from a draft: it has no time grid",
    ],
    ["a grid of its own", { start, strategy: "dfm" }, "The strategy dfm cannot begin at 0.5"],
    [
      "remdm-conf",
      { start, strategy: "remdm-conf" },
      "it remasks by the probability that a token had",
    ],
    ["rcr", { start, strategy: "rcr" }, "it remasks by the probability that a token had"],
    [
      "remdm-llada",
      { start, strategy: "remdm-llada" },
      "it remasks by the probability that a token had",
    ],
  ])("%s", (_, options, message) => {
    const given = { strategy: "remdm-cap", steps: 8, ...(options as SamplerOptions) } as const;
    const check = () => prepare(given, denoiser.model);
    expect(check).toThrow(message);
    expect(check).toThrow(expect.objectContaining({ code: "option_invalid" }));
  });

  it("an ar model", () => {
    const model = { ...denoiser.model, kind: "ar", bosId: 0 } as const;
    expect(() => prepare({ start }, model)).toThrow("start must be undefined with an ar model");
  });
});
