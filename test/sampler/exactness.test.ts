// @part slow
/**
 * The event form gives the distribution of the dense form, and so does the dense executor. Every strategy is sampled on
 * a space small enough to enumerate, and compared with the exact distribution of the sequences in the middle of the run
 * and at its end.
 *
 * Seeds are fixed. With P_MIN = 1e-5 and fewer than 100 comparisons, a correct sampler would fail one of them for
 * fewer than 1 in 1,000 choices of seeds.
 */
import { describe, expect, it } from "@jest/globals";
import {
  sampleEvents,
  type ModelKind,
  type StartOptions,
  type Strategy,
  type TokenId,
} from "../../src/sampler/index.ts";
import { causalLogits } from "./support/causalLogits.ts";
import { goodnessOfFit } from "./support/chiSquare.ts";
import { enumerate, type DenseChain, type Mistake } from "./support/denseChain.ts";
import { collect, replay } from "./support/replay.ts";
import {
  MASK,
  TableDenoiser,
  tableLogits,
  unevenLogits,
  VOCAB_SIZE,
} from "./support/tableDenoiser.ts";

const P_MIN = 1e-5;
const SAMPLES = 5000;

interface Case {
  readonly kind?: ModelKind;
  readonly subsMasking?: boolean;
  readonly executor?: "dense";
  readonly quirks?: "paper";
  readonly strategy: Strategy;
  readonly steps?: number;
  readonly topP?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly length?: number;
  readonly blockLength?: number;
  /** Whether the network is causal over its own blocks. */
  readonly ownBlocks?: boolean;
  readonly pinned?: ReadonlyMap<number, TokenId>;
  readonly start?: StartOptions;
  readonly uneven?: boolean;
}

const loopTimes = { tOn: 0.75, tOff: 0.3, alphaOn: 0.7 };
const prompt = new Map([[1, 2]]);

/** One step of the plateau, on which confidence divides a large chance between two revealed positions. */
const onPlateau: Case = {
  strategy: {
    kind: "remdm",
    confidence: true,
    window: { kind: "loop", tOn: 0.6, tOff: 0.45, alphaOn: 0.6 },
  },
  steps: 8,
  uneven: true,
};

const named: Case[] = [
  { strategy: { kind: "mdlm" }, length: 3 },
  { strategy: { kind: "forward-backward" }, length: 3 },
  { strategy: { kind: "dfm" }, steps: 3, length: 3 },
  { strategy: { kind: "remdm-cap", eta: 0.3 }, length: 3 },
  { strategy: { kind: "remdm-rescale", eta: 0.6 }, length: 3 },
  { strategy: { kind: "psi", kappa: 0.6 }, length: 3 },
  { strategy: { kind: "psi", kappa: 0, tOn: 0.8, tOff: 0.2 }, length: 3 },
  {
    strategy: {
      kind: "psi",
      tOn: 0.8,
      tOff: 0.2,
      high: { kind: "rescaled", eta: 0.8 },
      middle: { kind: "capped", eta: 0.3 },
      low: { kind: "constant", kappa: 0.5 },
    },
    length: 3,
  },
  { strategy: { kind: "remdm-conf" } },
  onPlateau,
  { strategy: { kind: "remdm-loop", eta: 0.3, ...loopTimes }, steps: 8, length: 3 },
  { strategy: { kind: "remdm-loop", eta: 0.3, ...loopTimes }, steps: 2, length: 3 },
];

const filtered: Case[] = [
  { strategy: { kind: "mdlm" }, topP: 0.8, length: 3 },
  { strategy: { kind: "forward-backward" }, topP: 0.7, length: 3 },
  { strategy: { kind: "dfm" }, topP: 0.7, steps: 3, length: 3 },
  { strategy: { kind: "remdm-cap", eta: 0.3 }, topP: 0.8, length: 3 },
  { strategy: { kind: "remdm-conf" }, topP: 0.8 },
  {
    strategy: { kind: "remdm", confidence: true, window: { kind: "loop", ...loopTimes } },
    topP: 0.7,
  },
];

const ruled: Case[] = [
  { strategy: { kind: "mdlm" }, temperature: 0.4, length: 3 },
  { strategy: { kind: "mdlm" }, temperature: 5, length: 3 },
  { strategy: { kind: "mdlm" }, topK: 2, length: 3 },
  { strategy: { kind: "remdm-cap", eta: 0.3 }, temperature: 0, length: 3 },
  { strategy: { kind: "remdm-cap", eta: 0.3 }, temperature: 2, topK: 2, topP: 0.7, length: 3 },
  { strategy: { kind: "remdm-conf" }, temperature: 0.5, topK: 2, topP: 0.92 },
  { strategy: { kind: "remdm-conf" }, temperature: 2, topP: 0.8, uneven: true },
  { strategy: { kind: "ddpm" }, temperature: 0.5, topK: 2, length: 3 },
];

const pinnedCases: Case[] = [
  { strategy: { kind: "remdm-cap", eta: 0.4 }, length: 3, pinned: prompt },
  { strategy: { kind: "remdm" }, topP: 0.8, length: 3, pinned: prompt },
  { strategy: { kind: "remdm-conf" }, length: 3, pinned: prompt },
];

const inBlocks: Case[] = [
  { strategy: { kind: "mdlm" }, length: 3, blockLength: 2, steps: 3 },
  {
    strategy: { kind: "remdm-cap", eta: 0.4 },
    length: 3,
    blockLength: 1,
    steps: 3,
    pinned: new Map([[0, 2]]),
  },
  { strategy: { kind: "remdm-conf" }, length: 3, blockLength: 2, steps: 4, topP: 0.8 },
  { strategy: { kind: "mdlm" }, length: 3, blockLength: 2, steps: 3, ownBlocks: true },
  {
    strategy: { kind: "remdm-cap", eta: 0.4 },
    length: 4,
    blockLength: 2,
    steps: 3,
    pinned: new Map([[0, 2]]),
    ownBlocks: true,
  },
  {
    strategy: { kind: "remdm-conf" },
    length: 4,
    blockLength: 2,
    steps: 4,
    topP: 0.8,
    pinned: new Map([[0, 2]]),
    ownBlocks: true,
  },
];

const bases = [{}, { cap: 0.35 }, { rescale: 0.7 }, { cap: 0.5, rescale: 0.8 }];
const windows = [
  {},
  { window: { kind: "switch", tSwitch: 0.6 } },
  { window: { kind: "loop", ...loopTimes } },
] as const;
const composed: Case[] = windows.flatMap((window) =>
  bases.flatMap((base) =>
    [{}, { confidence: true }].map((confidence) => ({
      strategy: { kind: "remdm", ...base, ...confidence, ...window },
    })),
  ),
);

describe("the event form samples the dense form's distribution", () => {
  const cases = [...named, ...filtered, ...pinnedCases, ...composed, ...ruled, ...inBlocks];
  it.each(cases.map((options, i) => [name(options), options, i + 1] as const))(
    "%s",
    async (_, options, seed) => {
      const p = await compare(options, seed);
      expect(p.middle).toBeGreaterThan(P_MIN);
      expect(p.end).toBeGreaterThan(P_MIN);
    },
  );
});

describe("scores: the reductions and the chosen rows give the dense form's distribution", () => {
  const cases: Case[] = [
    { kind: "sedd", strategy: { kind: "analytic" }, length: 3 },
    { kind: "sedd", strategy: { kind: "analytic" }, steps: 2, length: 3 },
    { kind: "sedd", strategy: { kind: "analytic" }, length: 3, pinned: prompt },
    { kind: "mdlm", strategy: { kind: "analytic" }, length: 3 },
    { kind: "mdlm", strategy: { kind: "ddpm" }, length: 3 },
  ];
  it.each(cases.map((options, i) => [name(options), options, i + 101] as const))(
    "%s",
    async (_, options, seed) => {
      const p = await compare(options, seed);
      expect(p.middle).toBeGreaterThan(P_MIN);
      expect(p.end).toBeGreaterThan(P_MIN);
    },
  );

  it("and a wrong sum of scores is found out", async () => {
    // The chain takes the sum that holds for an mdlm model.
    const p = await compare(
      { kind: "sedd", strategy: { kind: "analytic" }, length: 3 },
      1,
      "S = 1/(e^sigma - 1)",
    );
    expect(p.middle).toBeLessThan(P_MIN);
  });
});

describe("a draft is taken to t0 and sampled from there", () => {
  const start = {
    tokens: new Map([
      [0, 3],
      [2, 0],
    ]),
    time: 0.5,
  };
  const cases: Case[] = [
    { strategy: { kind: "mdlm" }, length: 3, start },
    { strategy: { kind: "remdm-cap", eta: 0.4 }, length: 3, start },
    { strategy: { kind: "remdm-cap", eta: 0.4 }, length: 3, start: { ...start, time: 1 } },
    { strategy: { kind: "remdm" }, topP: 0.8, length: 3, pinned: prompt, start },
    { strategy: { kind: "analytic" }, length: 3, start },
    { kind: "sedd", strategy: { kind: "analytic" }, length: 3, start: { ...start, time: 0.3 } },
  ];
  it.each(cases.map((options, i) => [name(options), options, i + 401] as const))(
    "%s",
    async (_, options, seed) => {
      const p = await compare(options, seed);
      expect(p.middle).toBeGreaterThan(P_MIN);
      expect(p.end).toBeGreaterThan(P_MIN);
    },
  );

  it("and a draft that keeps all of its tokens is found out", async () => {
    const p = await compare(cases[0], 1, "a draft keeps all of its tokens");
    expect(p.end).toBeLessThan(P_MIN);
  });
});

describe("quirks: paper", () => {
  it("keeps the token that crosses p, where the code drops it", async () => {
    const options: Case = { strategy: { kind: "mdlm" }, topP: 0.8, length: 3, quirks: "paper" };
    const p = await compare(options, 301, "the nucleus keeps the token that crosses p");
    expect(p.middle).toBeGreaterThan(P_MIN);
    expect(p.end).toBeGreaterThan(P_MIN);
    expect((await compare(options, 301)).middle).toBeLessThan(P_MIN);
  });
});

describe("the dense executor samples the same distribution", () => {
  const models: Case[] = [
    ...named.filter(({ strategy }) => strategy.kind !== "remdm" && strategy.kind !== "psi"),
    ...filtered.filter(({ strategy }) => strategy.kind !== "remdm"),
    { strategy: { kind: "remdm-cap", eta: 0.4 }, length: 3, pinned: prompt },
    { strategy: { kind: "ddpm" }, length: 3 },
    { strategy: { kind: "analytic" }, length: 3 },
    { kind: "sedd", strategy: { kind: "analytic" }, length: 3 },
    { kind: "d3pm", strategy: { kind: "ddpm" }, length: 3 },
    { kind: "d3pm", subsMasking: true, strategy: { kind: "ddpm" }, length: 3 },
  ];
  const cases = models.map((model): Case => ({ ...model, executor: "dense" }));
  it.each(cases.map((options, i) => [name(options), options, i + 201] as const))(
    "%s",
    async (_, options, seed) => {
      const p = await compare(options, seed);
      expect(p.middle).toBeGreaterThan(P_MIN);
      expect(p.end).toBeGreaterThan(P_MIN);
    },
  );
});

describe("the same comparison finds out", () => {
  const cap: Case = { strategy: { kind: "remdm", cap: 0.5 }, length: 3 };
  const conf: Case = { strategy: { kind: "remdm-conf" }, steps: 8 };
  const mistakes: [Mistake, Case][] = [
    ["the network sees the remasks of the same step", cap],
    ["a remasked position is revealed in the same step", cap],
    ["u forgets sigma", cap],
    ["a mask keeps the posterior's weights", { strategy: { kind: "psi", kappa: 0.4 }, length: 3 }],
    ["the nucleus keeps the token that crosses p", { ...cap, topP: 0.8 }],
    ["top-k acts after the nucleus", { ...cap, topK: 2, topP: 0.92 }],
    ["the temperature acts after the nucleus", { ...cap, temperature: 3, topP: 0.7 }],
    ["confidence ignores psi", onPlateau],
    ["confidence counts pinned positions", { ...conf, length: 3, pinned: prompt }],
  ];
  it.each(mistakes)("a sampler in which %s", async (mistake, options) => {
    const p = await compare(options, 1, mistake);
    expect(Math.min(p.middle, p.end)).toBeLessThan(P_MIN);
  });
});

/** p-values of {@link SAMPLES} sequences of the sampler against the chain, with or without a mistake in the latter. */
async function compare(
  {
    kind = "mdlm",
    subsMasking = false,
    executor,
    quirks,
    strategy,
    steps = 6,
    topP = 1,
    temperature = 1,
    topK,
    length = 2,
    blockLength,
    ownBlocks = false,
    pinned = new Map(),
    start,
    uneven = false,
  }: Case,
  seed: number,
  mistake?: Mistake,
): Promise<{ middle: number; end: number }> {
  const table = uneven ? unevenLogits : tableLogits;
  const isCausal = ownBlocks && blockLength !== undefined;
  const logits = isCausal ? causalLogits(table, blockLength) : table;
  const chain: DenseChain = {
    kind,
    subsMasking,
    strategy,
    steps,
    topP,
    temperature,
    ...(topK !== undefined && { topK }),
    length,
    vocabSize: VOCAB_SIZE,
    maskId: MASK,
    logits,
    pinned,
    ...(blockLength !== undefined && { blockLength, ownBlocks }),
    ...(start !== undefined && { start }),
    ...(mistake === undefined ? {} : { mistake }),
  };
  const exact = enumerate(chain);
  const middle = Math.ceil((exact.length - 2) * 0.6);
  const options = {
    strategy,
    steps,
    topP,
    temperature,
    ...(topK !== undefined && { topK }),
    ...(blockLength !== undefined && { blockLength }),
    pinned,
    ...(start !== undefined && { start }),
    seed,
    samples: SAMPLES,
    batchSize: 64,
    ...(executor !== undefined && ({ executor, noise: "philox" } as const)),
    ...(quirks !== undefined && { quirks }),
  };
  const own = isCausal ? { blockLength } : {};
  const denoiser = new TableDenoiser(length, { kind, subsMasking, ...own }, logits);
  const { events } = await collect(sampleEvents(denoiser, options));
  const begin = Array.from({ length }, (_, i) => pinned.get(i) ?? start?.tokens.get(i) ?? MASK);
  const pValue = (step: number) =>
    goodnessOfFit(
      count(replay(events, begin, MASK, step)),
      exact[Math.min(step, exact.length - 1)],
    );
  return { middle: pValue(middle), end: pValue(Infinity) };
}

function count(states: ReadonlyMap<number, readonly number[]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const state of states.values()) {
    counts.set(state.join(), (counts.get(state.join()) ?? 0) + 1);
  }
  return counts;
}

function name({ kind, strategy, pinned, start, ...rest }: Case): string {
  const draft = start && { start: start.time, tokens: [...start.tokens] };
  const options = { model: kind, ...strategy, ...rest, ...draft, pinned: pinned && [...pinned] };
  return JSON.stringify(options).replaceAll('"', "");
}
