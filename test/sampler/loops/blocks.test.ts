/** Blocks: where they lie, in which order they are generated, and where a text ends. */
import { describe, expect, it } from "@jest/globals";
import {
  OptionError,
  prepare,
  sample,
  sampleEvents,
  type SamplerOptions,
  type Strategy,
} from "../../../src/sampler/index.ts";
import { TextWindow } from "../../../src/sampler/loops/textWindow.ts";
import { ONE_PART } from "../support/onePart.ts";
import { collect, replay } from "../support/replay.ts";
import { MASK, TableDenoiser } from "../support/tableDenoiser.ts";

const LENGTH = 7;
const END = 3;
const STRATEGIES: readonly Strategy[] = [
  { kind: "mdlm" },
  { kind: "remdm-cap", eta: 0.4 },
  { kind: "first-hitting", rate: 2 },
  { kind: "confidence", cap: 0.4 },
  { kind: "threshold", tau: 0.5 },
  { kind: "p2" },
];
const untimed = new Set(["first-hitting", "threshold"]);
const prompt = new Map([
  [0, 2],
  [1, 0],
]);

describe("a window of blocks", () => {
  const settings = { ...ONE_PART, maskId: MASK, length: LENGTH };

  it("has blocks after what is given, without pinned positions; the last one may be shorter", () => {
    const pinned = new Map([...prompt, [3, 2]]);
    const window = new TextWindow({ ...settings, pinned, firstBlock: 2, blockLength: 3, parts: 2 });
    const blocks: number[][] = [];
    while (!window.done) {
      blocks.push([...window.free]);
      window.next();
    }
    expect(blocks).toEqual([
      [2, 4],
      [5, 6],
    ]);
    expect(window.part).toBe(2);
    expect(window.offset).toBe(0);
  });
});

describe.each(STRATEGIES)("$kind", (strategy) => {
  const steps = untimed.has(strategy.kind) ? {} : { steps: 4 };
  const options = {
    strategy,
    ...steps,
    pinned: prompt,
    blockLength: 2,
    topP: 1,
    samples: 5,
    seed: 3,
  };
  const blockOf = (position: number) => Math.floor((position - prompt.size) / 2);

  it("fixes what is left of a block and masks what is right of it, in every call", async () => {
    const denoiser = new TableDenoiser(LENGTH, {}, undefined, true);
    const { events, outcome } = await collect(sampleEvents(denoiser, options));
    const text = Array.from({ length: LENGTH }, (_, i) => prompt.get(i) ?? MASK);
    const changes = events.filter(({ type }) => type === "revealed" || type === "remasked");
    expect(changes.length).toBeGreaterThan(0);
    for (const sampleNumber of outcome.tokens.keys()) {
      const own = changes.filter((event) => "sample" in event && event.sample === sampleNumber);
      const blocks = own.flatMap((event) => ("positions" in event ? event.positions : []));
      const order = blocks.map(blockOf);
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(new Set(order)).toEqual(new Set([0, 1, 2]));
    }
    expect([...replay(events, text, MASK, Infinity).values()]).toEqual(outcome.tokens);
    for (const { tokens, length, batch } of denoiser.requests) {
      for (let b = 0; b < batch; b++) {
        const row = Array.from(tokens.subarray(b * length, (b + 1) * length));
        const open = row.flatMap((token, at) => (token === MASK ? [blockOf(at)] : []));
        const at = Math.min(...open);
        // Every position of a later block is still a mask.
        const later = row.slice(prompt.size + 2 * (at + 1));
        expect(later.every((token) => token === MASK)).toBe(true);
      }
    }
  });

  it("ends the work with the block in which the text ends, and changes no text by that", async () => {
    const [whole, ended] = [{}, {}].map(() => {
      return new TableDenoiser(LENGTH, { eosId: END }, undefined, true);
    });
    const all = await sample(whole, { ...options, samples: 40 });
    const cut = await sample(ended, { ...options, samples: 40, until: "end" });
    const ends = all.tokens.map((tokens) => tokens.indexOf(END, prompt.size));
    expect(ends.some((end) => end >= 0 && end < 4)).toBe(true);
    expect(cut.tokens).toEqual(
      all.tokens.map((tokens, i) => (ends[i] < 0 ? tokens : tokens.slice(0, ends[i]))),
    );
    expect(cut.stats.forwardRows).toBeLessThan(all.stats.forwardRows);
  });

  it("gives the same texts in batches of any size", async () => {
    const one = await sample(new TableDenoiser(LENGTH, {}, undefined, true), {
      ...options,
      batchSize: 1,
    });
    const many = await sample(new TableDenoiser(LENGTH, {}, undefined, true), options);
    expect(many.tokens).toEqual(one.tokens);
  });
});

it("is one block of the whole text by default", async () => {
  const options = { strategy: { kind: "remdm-cap", eta: 0.4 }, steps: 6, seed: 2 } as const;
  const [whole, block] = await Promise.all([
    sample(new TableDenoiser(LENGTH), options),
    sample(new TableDenoiser(LENGTH), { ...options, blockLength: LENGTH }),
  ]);
  expect(block.tokens).toEqual(whole.tokens);
  expect(block.stats).toEqual(whole.stats);
});

it("takes a step for each token of a block by default, and counts all of them as work", async () => {
  const model = new TableDenoiser(LENGTH).model;
  const run = prepare({ strategy: { kind: "mdlm" }, blockLength: 3 }, model);
  expect([run.steps, run.parts]).toEqual([3, 3]);
  const { events } = await collect(
    sampleEvents(new TableDenoiser(LENGTH), { strategy: { kind: "mdlm" }, blockLength: 3 }),
  );
  const progress = events.filter(({ type }) => type === "progress").at(-1);
  expect(progress).toMatchObject({ done: 9, total: 9, step: 11, time: 0 });
});

it("guides particles from block to block", async () => {
  const reward = ({ tokens }: { tokens: Int32Array }) =>
    tokens.filter((token) => token === 2).length;
  const guide = { reward, particles: 8, strength: 4, every: 1 };
  const options = { blockLength: 3, steps: 3, samples: 6 } as const;
  for (const strategy of [{ kind: "mdlm" }, { kind: "confidence" }] as const) {
    const denoiser = () => new TableDenoiser(LENGTH, {}, undefined, true);
    const plain = await sample(denoiser(), { ...options, strategy });
    const guided = await sample(denoiser(), { ...options, strategy, guide });
    const twos = (tokens: readonly (readonly number[])[]) =>
      tokens.flat().filter((token) => token === 2).length;
    expect(guided.tokens.flat()).not.toContain(MASK);
    expect(twos(guided.tokens)).toBeGreaterThan(twos(plain.tokens));
  }
});

describe.each([
  [{ blockLength: 0 }, "blockLength must be an integer in [1, 7]; got 0"],
  [{ blockLength: 8 }, "blockLength must be an integer in [1, 7]; got 8"],
  [{ blockLength: 2, stride: 2, strides: 1 }, "undefined with stride"],
  [{ blockLength: 2, executor: "dense" }, "undefined with the executor dense"],
  [{ blockLength: 2, strategy: { kind: "dfm" } }, "undefined with the strategy dfm"],
])("%j", (wrong, message) => {
  it("is refused", () => {
    const attempt = () => prepare(wrong as SamplerOptions, new TableDenoiser(LENGTH).model);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(message);
  });
});
