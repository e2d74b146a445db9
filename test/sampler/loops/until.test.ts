/** Where texts end: with their length as in the original, or before their first end-of-text token. */
import { describe, expect, it } from "@jest/globals";
import { endText } from "../../../src/sampler/loops/ending.ts";
import {
  OptionError,
  sample,
  sampleEvents,
  type DenoiserModel,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 8;
const END = 2;

function cut(whole: readonly number[], from = 1): readonly number[] {
  const end = whole.indexOf(END, from);
  return end < 0 ? whole : whole.slice(0, end);
}

const RUNS: [string, Partial<DenoiserModel>, SamplerOptions][] = [
  ["events", {}, { strategy: { kind: "remdm-cap", eta: 0.2 } }],
  ["dense", {}, { strategy: { kind: "remdm-cap", eta: 0.2 }, executor: "dense" }],
  ["windows", {}, { strategy: { kind: "remdm-cap", eta: 0.2 }, stride: 3, strides: 2 }],
  ["dense windows", {}, { executor: "dense", stride: 3, strides: 2 }],
  ["sedd", { kind: "sedd" }, {}],
  ["d3pm", { kind: "d3pm", subsMasking: true }, {}],
];

describe.each(RUNS)("%s", (_, model, options) => {
  const given = { ...options, steps: 6, samples: 8, seed: 5 };
  const denoiser = () => new TableDenoiser(LENGTH, { ...model, eosId: END });

  it("until the end: the same sampling, each text cut before its end-of-text token", async () => {
    const [whole, ended] = [denoiser(), denoiser()];
    const { tokens } = await sample(whole, { ...given, until: "length" });
    const result = await sample(ended, { ...given, until: "end" });
    expect(ended.requests).toEqual(
      whole.requests.map(({ cache, ...request }, i) => {
        const other = ended.requests[i].cache;
        return { ...request, ...(cache !== undefined && { cache: other }) };
      }),
    );
    expect(result.tokens).toEqual(tokens.map((ids) => cut(ids)));
    expect(result.finishReasons).toContain("end");
    expect(result.finishReasons).toEqual(
      tokens.map((ids) => (ids.includes(END, 1) ? "end" : "length")),
    );
  });

  it("by default as the original: the whole length, with strides up to the end", async () => {
    const { tokens, finishReasons } = await sample(denoiser(), given);
    const until = options.stride === undefined ? "length" : "end";
    expect(tokens).toEqual((await sample(denoiser(), { ...given, until })).tokens);
    if (until === "length") expect(new Set(finishReasons)).toEqual(new Set(["length"]));
  });

  it("says so when a sample is finished, too", async () => {
    const { events, outcome } = await collect(sampleEvents(denoiser(), { ...given, until: "end" }));
    for (const event of events) {
      if (event.type !== "finished") continue;
      expect(event.tokens).toEqual(outcome.tokens[event.sample]);
      expect(event.finishReason).toBe(outcome.finishReasons[event.sample]);
    }
  });
});

describe("ar", () => {
  const options: SamplerOptions = { samples: 12, batchSize: 4, seed: 3, until: "end" };
  const ar = (bosId = END) => new TableDenoiser(LENGTH, { kind: "ar", bosId, eosId: END });

  it.each(["events", "dense"] as const)(
    "%s: draws the tokens that it draws anyhow, and stops at the end",
    async (executor) => {
      const whole = await sample(ar(), { ...options, executor, until: "length" });
      const ended = await sample(ar(), { ...options, executor });
      // Without the token that the original forces upon every text's end.
      expect(ended.tokens).toEqual(whole.tokens.map((ids) => cut(ids.slice(0, -1))));
      expect(ended.finishReasons).toEqual(
        whole.tokens.map((ids) => (ids.slice(1, -1).includes(END) ? "end" : "length")),
      );
      expect(new Set(ended.finishReasons).size).toBe(2);
      expect(ended.stats.forwardRows).toBeLessThan(whole.stats.forwardRows);
    },
  );

  it("asks nothing about a sample that has ended", async () => {
    const denoiser = ar();
    const { tokens, finishReasons, stats } = await sample(denoiser, { ...options, batchSize: 12 });
    // A draw for each token after the first, and one for the end.
    const draws = tokens.map((ids, i) => ids.length - 1 + (finishReasons[i] === "end" ? 1 : 0));
    expect(stats.forwardCalls).toBe(Math.max(...draws));
    expect(stats.forwardRows).toBe(draws.reduce((sum, count) => sum + count, 0));
    denoiser.requests.forEach(({ batch, length, tokens: seen }) => {
      expect(batch).toBe(draws.filter((count) => count >= length).length);
      for (let b = 0; b < batch; b++) {
        expect(seen.subarray(b * length + 1, (b + 1) * length)).not.toContain(END);
      }
    });
  });

  it("a sample that has ended is told at once, and its end is no reveal", async () => {
    const { events, outcome } = await collect(sampleEvents(ar(), { ...options, batchSize: 12 }));
    const first = events.findIndex(({ type }) => type === "finished");
    expect(events.slice(first).some(({ type }) => type === "revealed")).toBe(true);
    const reveals = events.flatMap((event) => (event.type === "revealed" ? event.tokens : []));
    expect(reveals).not.toContain(END);
    expect(reveals).toHaveLength(outcome.tokens.reduce((sum, ids) => sum + ids.length - 1, 0));
    const progress = events.filter((event) => event.type === "progress");
    expect(progress.at(-1)).toMatchObject({ done: 12 * (LENGTH - 2), total: 12 * (LENGTH - 2) });
  });

  it("does not depend on the batch", async () => {
    const { tokens } = await sample(ar(), options);
    const alone = await sample(ar(), { ...options, samples: 3, firstSample: 5, batchSize: 1 });
    expect(alone.tokens).toEqual(tokens.slice(5, 8));
  });

  it("an end-of-text token in the prompt ends nothing", async () => {
    const pinned = new Map([
      [1, 0],
      [2, END],
      [3, 3],
    ]);
    const { tokens } = await sample(ar(), { ...options, pinned });
    for (const ids of tokens) expect(ids.slice(0, 4)).toEqual([END, 0, END, 3]);
  });

  it("a prompt that fills the text stays whole", async () => {
    const pinned = new Map(Array.from({ length: LENGTH - 1 }, (_, i) => [i + 1, 0] as const));
    const { tokens, stats } = await sample(ar(), { ...options, samples: 1, pinned });
    expect(tokens).toEqual([[END, 0, 0, 0, 0, 0, 0, 0]]);
    expect(stats.forwardCalls).toBe(0);
  });

  it("draws up to the last token where no token is forced there", async () => {
    const { tokens } = await sample(ar(3), { ...options, quirks: "paper" });
    expect(tokens.some((ids) => ids.length === LENGTH)).toBe(true);
    expect(tokens.flat()).not.toContain(MASK);
  });
});

describe("the end of a text", () => {
  it.each([
    ["is the first end-of-text token", [1, 5, 9, 5, 9], 0, [1, 5]],
    ["is not the first token", [9, 5, 9], 0, [9, 5]],
    ["is not in what was given", [9, 5, 9, 4, 9, 7], 3, [9, 5, 9, 4]],
  ])("%s", (_, text, given, tokens) => {
    expect(endText(text, { endIds: [9], given })).toEqual({ tokens, finishReason: "end" });
  });

  it("is that of its tokens where none of them ends it, or may", () => {
    expect(endText([1, 2], { endIds: [9], given: 0 })).toEqual({
      tokens: [1, 2],
      finishReason: "length",
    });
    expect(endText([1, 9, 2], { endIds: [], given: 0 }).tokens).toEqual([1, 9, 2]);
  });
});

it.each([
  ["stop", 'until must be "length" or "end"'],
  [null, 'until must be "length" or "end"'],
  ["end", 'until must be "length": this model has no end-of-text token'],
])("refuses until: %j of a model without an end-of-text token", async (until, message) => {
  const options = { until } as SamplerOptions;
  const attempt = sample(new TableDenoiser(LENGTH), options);
  await expect(attempt).rejects.toThrow(OptionError);
  await expect(attempt).rejects.toThrow(message);
});
