/** Models that are causal over blocks (BD3-LM): where their blocks lie, what is sent, and what is refused. */
import { describe, expect, it } from "@jest/globals";
import {
  OptionError,
  prepare,
  sample,
  sampleEvents,
  type SamplerOptions,
  type Strategy,
} from "../../../src/sampler/index.ts";
import { checkBeforeLoading } from "../../../src/sampler/prepare.ts";
import { causalLogits } from "../support/causalLogits.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser, tableLogits } from "../support/tableDenoiser.ts";

const BLOCK = 2;
const CONTEXT = 4;
const LENGTH = 7;
const STRATEGIES: readonly Strategy[] = [
  { kind: "mdlm" },
  { kind: "remdm-cap", eta: 0.4 },
  { kind: "remdm-conf" },
  { kind: "first-hitting" },
  { kind: "first-hitting", rate: 2 },
  { kind: "psi", kappa: 0.5 },
  { kind: "confidence", cap: 0.4 },
  { kind: "threshold", tau: 0.5 },
  { kind: "p2" },
  { kind: "rcr" },
];

const LOGITS = causalLogits(tableLogits, BLOCK);

/** Remembers the caches that end. */
class BlockDenoiser extends TableDenoiser {
  readonly released: number[] = [];

  constructor() {
    super(CONTEXT, { blockLength: BLOCK }, LOGITS, true);
  }

  release(cache: number): void {
    this.released.push(cache);
  }
}

const model = new BlockDenoiser().model;
const options = { length: LENGTH, topP: 1, samples: 5, seed: 3 };

describe.each(STRATEGIES)("%j", (strategy) => {
  it("is sampled as from a network that is shown everything and told the blocks", async () => {
    const told = new TableDenoiser(LENGTH, {}, LOGITS, true);
    const whole = await sample(told, { ...options, strategy, blockLength: BLOCK });
    const ours = await sample(new BlockDenoiser(), { ...options, strategy });
    expect(ours.tokens).toEqual(whole.tokens);
    expect(ours.stats).toEqual(whole.stats);
    expect(ours.tokens.flat()).not.toContain(MASK);
  });

  it("has its blocks at fixed places, wherever a prompt ends", async () => {
    const pinned = new Map([
      [0, 2],
      [1, 0],
      [2, 3],
      [4, 0],
    ]);
    const denoiser = new BlockDenoiser();
    const { tokens } = await sample(denoiser, { ...options, strategy, pinned });
    for (const text of tokens) {
      expect(text.slice(0, 3)).toEqual([2, 0, 3]);
      expect(text[4]).toBe(0);
    }
    const asked = denoiser.requests.flatMap(({ rows, length }) =>
      [...rows].map((at) => at % length),
    );
    expect(Math.min(...asked)).toBe(3);
    expect(prepare({ strategy, length: LENGTH, pinned }, model).parts).toBe(3);
  });

  it("sends nothing right of the blocks at hand, under one name that it ends", async () => {
    const denoiser = new BlockDenoiser();
    await sample(denoiser, { ...options, strategy });
    for (const { rows, length, tokens, batch } of denoiser.requests) {
      const ends = [...rows].map((at) => (Math.floor((at % length) / BLOCK) + 1) * BLOCK);
      expect(length).toBe(Math.min(LENGTH, Math.max(...ends)));
      expect(tokens).toHaveLength(batch * length);
    }
    const caches = new Set(denoiser.requests.map(({ cache }) => cache));
    expect(denoiser.released).toEqual([...caches]);
    expect(caches.size).toBe(1);
  });
});

it("ends its cache also when a caller stops reading", async () => {
  const denoiser = new BlockDenoiser();
  for await (const event of sampleEvents(denoiser, options)) {
    if (event.type === "revealed") break;
  }
  expect(denoiser.released).toHaveLength(1);
});

it("takes texts that are longer than what a block sees", async () => {
  const { tokens } = await sample(new BlockDenoiser(), { length: 5 * CONTEXT, topP: 1 });
  expect(tokens[0]).toHaveLength(5 * CONTEXT);
  const short = await sample(new BlockDenoiser(), { topP: 1 });
  expect(short.tokens[0]).toHaveLength(CONTEXT);
  expect(() => prepare({ length: 2 ** 20 + 1 }, model)).toThrow(
    "length must be an integer in [1, 1048576]",
  );
});

it("takes a step for each token of a block by default", () => {
  const run = prepare({ strategy: { kind: "mdlm" }, length: LENGTH }, model);
  expect(run).toMatchObject({ steps: BLOCK, parts: 4, blockLength: BLOCK, firstBlock: 0 });
});

it("begins each block from its part of a draft", async () => {
  const tokens = new Map(Array.from({ length: LENGTH }, (_, at) => [at, 2] as const));
  const start = { tokens, time: 0.5 };
  const { events, outcome } = await collect(
    sampleEvents(new BlockDenoiser(), { ...options, strategy: { kind: "mdlm" }, start }),
  );
  const masked = events.filter(({ type }) => type === "remasked").length;
  expect(masked).toBeGreaterThan(0);
  const kept = outcome.tokens.flat().filter((token) => token === 2).length;
  expect(kept).toBeGreaterThan(0.4 * outcome.tokens.flat().length);
  expect(kept).toBeLessThan(outcome.tokens.flat().length);
});

describe.each([
  [
    { blockLength: 4 },
    "blockLength must be 2, or left out: the network was trained on blocks of 2 tokens; got 4",
  ],
  [{ blockLength: 1 }, "got 1"],
  [{ stride: 2, strides: 1 }, "stride must be undefined with a model that has blocks of its own"],
  [{ strategy: { kind: "dfm" } }, "The strategy dfm has no blocks"],
  [{ strategy: { kind: "analytic" } }, "The strategy analytic has no blocks"],
  [{ executor: "dense", strategy: { kind: "remdm-cap", eta: 0.1 } }, "first-hitting or mdlm"],
  [{ executor: "dense", strategy: { kind: "confidence" } }, "first-hitting or mdlm"],
  [{ executor: "dense", strategy: { kind: "first-hitting", rate: 1 } }, "strategy.rate must be 0"],
  [{ executor: "dense", strategy: { kind: "first-hitting" }, steps: 4 }, "no time grid"],
  [{ executor: "dense", noise: "philox" }, 'noise must be "torch"'],
  [{ executor: "dense", topK: 3 }, "topK"],
  [{ executor: "dense", temperature: 0.5 }, "temperature"],
  [{ executor: "dense", banned: [2] }, "banned"],
  [{ executor: "dense", guide: { reward: () => 0 } }, "guide"],
])("%j", (wrong, message) => {
  it("is refused, also before the model is loaded", () => {
    const given = { strategy: { kind: "mdlm" }, ...wrong } as SamplerOptions;
    for (const attempt of [
      () => prepare(given, model),
      () => checkBeforeLoading(given, { length: CONTEXT, blockLength: BLOCK }),
    ]) {
      expect(attempt).toThrow(OptionError);
      expect(attempt).toThrow(message);
    }
  });
});
