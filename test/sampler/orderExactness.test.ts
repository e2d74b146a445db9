// @part slow
/**
 * Every ask-first strategy has the distribution that enumeration gives, in the middle of the run and
 * at its end; at temperature 0 it gives that one text.
 *
 * Seeds are fixed. With P_MIN = 2e-6 and fewer than 150 comparisons, a correct sampler would fail
 * one of them for fewer than 1 in 3,000 choices of seeds.
 */
import { describe, expect, it } from "@jest/globals";
import { sampleEvents, type SamplerOptions, type TokenId } from "../../src/sampler/index.ts";
import { goodnessOfFit } from "./support/chiSquare.ts";
import { enumerateOrder, type Drawing, type Rule } from "./support/orderChain.ts";
import {
  editingRule,
  entropyBoundedRule,
  factorRule,
  orderRule,
  p2Rule,
  rcrRule,
  remdmPublishedRule,
  thresholdRule,
  type Mistake,
  type OrderMistake,
  type OrderOptions,
} from "./support/orderRules.ts";
import { collect, replay } from "./support/replay.ts";
import { MASK, TableDenoiser, tableLogits, unevenLogits } from "./support/tableDenoiser.ts";

const P_MIN = 2e-6;
const SAMPLES = 3000;

interface Case extends Drawing {
  readonly strategy: NonNullable<SamplerOptions["strategy"]>;
  readonly rule: (mistake?: Mistake) => Rule;
  readonly times?: readonly number[];
  readonly quirks?: "paper";
  readonly length?: number;
  readonly windows?: { readonly stride: number; readonly strides: number };
  readonly blockLength?: number;
  readonly pinned?: ReadonlyMap<number, TokenId>;
  /** Rows whose confidence differs from position to position. */
  readonly uneven?: boolean;
}

/** A strategy that reveals in order, and the rule that it follows. */
function order({ by, ...options }: OrderOptions): Pick<Case, "strategy" | "rule"> {
  const strategy = { kind: by, ...options } as Case["strategy"];
  return { strategy, rule: (mistake) => orderRule({ by, ...options }, mistake) };
}
function threshold(tau: number, of: "likeliest" | "drawn") {
  return {
    strategy: { kind: "threshold", tau, of },
    rule: (mistake) => thresholdRule(tau, of, mistake),
  } satisfies Case;
}
function factor(bound: number, of: "likeliest" | "drawn", quirks?: "paper") {
  return {
    strategy: { kind: "factor", factor: bound, of },
    rule: (mistake) => factorRule(bound, { of, code: quirks === undefined }, mistake),
    ...(quirks && { quirks }),
  } satisfies Case;
}
function entropyBounded(gamma: number, by: "entropy" | "confidence" | "margin") {
  return {
    strategy: { kind: "entropy-bounded", gamma, by },
    rule: (mistake) => entropyBoundedRule(gamma, by, mistake),
  } satisfies Case;
}
function p2(eta: number, of: "likeliest" | "drawn", quirks?: "paper") {
  return {
    strategy: { kind: "p2", eta, of },
    rule: (mistake) => p2Rule(eta, { of, paper: quirks !== undefined }, mistake),
    ...(quirks && { quirks }),
  } satisfies Case;
}
function rcr(of: "likeliest" | "drawn") {
  return {
    strategy: { kind: "rcr", of },
    rule: (mistake) => rcrRule(of, mistake),
  } satisfies Case;
}
function remdmLlada(remasks: number) {
  return {
    strategy: { kind: "remdm-llada", remasks },
    rule: (mistake) => remdmPublishedRule(remasks, mistake),
    times: Array.from({ length: 9 }, (_, i) => 1 - i / 8),
  } satisfies Case;
}
function editing(tau: number, tauEdit: number, after: number, least = 1) {
  const options = { tau, tauEdit, after, least };
  return {
    strategy: { kind: "editing", ...options },
    rule: (mistake) => editingRule(options, mistake),
  } satisfies Case;
}

const windows = { stride: 1, strides: 1 };
const pinned = new Map([[1, 2]]);
const four = { times: [1, 0.8, 0.5, 0.3, 0] };
/** Two tokens stand there while few are remasked and revealed. */
const late = { times: [1, 0.42, 0.38, 0.36, 0.34] };
const loop = { kind: "loop", tOn: 0.8, tOff: 0.3, alphaOn: 0.7 } as const;

const CASES: readonly [string, Case][] = [
  ["confidence", order({ by: "confidence" })],
  ["confidence, of drawn tokens", order({ by: "confidence", of: "drawn" })],
  [
    "confidence, temperature and top-k",
    { ...order({ by: "confidence", of: "drawn" }), temperature: 0.6, topK: 2 },
  ],
  [
    "confidence, temperature and nucleus",
    { ...order({ by: "confidence", of: "drawn" }), temperature: 1.7, topP: 0.8 },
  ],
  ["confidence, by times", { ...order({ by: "confidence", pace: "times" }), ...four }],
  ["confidence, by counts", order({ by: "confidence", counts: [0, 2, 0] })],
  ["confidence, with noise on its log", order({ by: "confidence", orderTemperature: 0.5 })],
  [
    "confidence, with noise on the probability",
    order({ by: "confidence", scale: "probability", orderTemperature: 0.2 }),
  ],
  [
    "confidence, with noise that falls",
    {
      ...order({ by: "confidence", of: "drawn", orderTemperature: 1, anneal: true }),
      temperature: 0.7,
    },
  ],
  ["confidence, remasking with a cap", order({ by: "confidence", cap: 0.4 })],
  [
    "confidence, remasking that is rescaled",
    { ...order({ by: "confidence", cap: 1, rescale: 0.5 }), ...four },
  ],
  [
    "confidence, remasking by confidence",
    { ...order({ by: "confidence", cap: 1, confidence: true }), uneven: true, ...late },
  ],
  [
    "confidence, remasking in a loop",
    { ...order({ by: "confidence", cap: 0.5, window: loop }), ...four },
  ],
  [
    "confidence, remasking from a time on",
    {
      ...order({
        by: "confidence",
        of: "drawn",
        cap: 0.8,
        window: { kind: "switch", tSwitch: 0.5 },
      }),
      ...four,
    },
  ],
  ["confidence, remasking beside counts", order({ by: "confidence", counts: [2, 1, 0], cap: 0.5 })],
  ["confidence, a pinned position", { ...order({ by: "confidence", of: "drawn" }), pinned }],
  [
    "confidence, two windows",
    { ...order({ by: "confidence", cap: 0.4 }), length: 2, windows: { stride: 1, strides: 2 } },
  ],
  ["confidence, two blocks", { ...order({ by: "confidence", of: "drawn" }), blockLength: 2 }],
  [
    "confidence, remasking, blocks after a prompt",
    {
      ...order({ by: "confidence", cap: 0.5 }),
      blockLength: 1,
      pinned: new Map([[0, 2]]),
    },
  ],
  ["margin", order({ by: "margin" })],
  ["margin, with noise", order({ by: "margin", orderTemperature: 0.3 })],
  [
    "margin, remasking, two windows, a pinned position",
    { ...order({ by: "margin", cap: 0.5 }), windows, pinned },
  ],
  ["entropy", order({ by: "entropy" })],
  ["entropy, with noise, top-k", { ...order({ by: "entropy", orderTemperature: 0.4 }), topK: 2 }],
  [
    "entropy, remasking by confidence, nucleus",
    { ...order({ by: "entropy", cap: 0.9, confidence: true }), topP: 0.8, uneven: true, ...late },
  ],
  ["random", order({ by: "random" })],
  [
    "random, by times, temperature",
    { ...order({ by: "random", pace: "times" }), temperature: 0.5, ...four },
  ],
  ["random, remasking", order({ by: "random", cap: 0.6 })],
  [
    "random, two windows",
    { ...order({ by: "random" }), length: 3, windows: { stride: 2, strides: 1 } },
  ],
  ["threshold", threshold(0.7, "likeliest")],
  ["threshold, of drawn tokens, top-k", { ...threshold(0.65, "drawn"), topK: 2 }],
  [
    "threshold, temperature, two windows",
    { ...threshold(0.7, "drawn"), temperature: 0.7, windows: { stride: 2, strides: 1 } },
  ],
  ["threshold, blocks, a pinned position", { ...threshold(0.7, "drawn"), blockLength: 2, pinned }],
  ["factor", factor(0.4, "likeliest")],
  ["factor, of drawn tokens", factor(0.8, "drawn")],
  ["factor, as the paper says", factor(1.1, "likeliest", "paper")],
  [
    "factor, as the paper says, of drawn tokens, a pinned position",
    { ...factor(1.5, "drawn", "paper"), pinned },
  ],
  ["entropy-bounded", entropyBounded(0.5, "entropy")],
  ["entropy-bounded by confidence, nucleus", { ...entropyBounded(0.5, "confidence"), topP: 0.8 }],
  [
    "entropy-bounded by margin, two windows",
    { ...entropyBounded(0.4, "margin"), windows: { stride: 2, strides: 1 } },
  ],
  ["p2", p2(1, "likeliest")],
  ["p2 that remasks nothing", p2(0, "likeliest")],
  ["p2, of drawn tokens, more remasking", p2(3, "drawn")],
  ["p2, as the paper says", p2(1.5, "likeliest", "paper")],
  [
    "p2, as the paper says, of drawn tokens, temperature",
    { ...p2(0.5, "drawn", "paper"), temperature: 0.6 },
  ],
  [
    "p2, two windows, a pinned position, top-k",
    { ...p2(2, "likeliest", "paper"), windows, pinned, topK: 2 },
  ],
  ["rcr", rcr("likeliest")],
  ["rcr, of drawn tokens", { ...rcr("drawn"), ...four }],
  [
    "rcr, of drawn tokens, temperature, a pinned position",
    { ...rcr("drawn"), temperature: 1.5, pinned },
  ],
  ["rcr, two windows", { ...rcr("drawn"), windows: { stride: 2, strides: 1 } }],
  ["rcr, two blocks", { ...rcr("drawn"), blockLength: 2 }],
  ["remdm-llada", remdmLlada(1)],
  ["remdm-llada, two blocks", { ...remdmLlada(1), blockLength: 2 }],
  ["remdm-llada, two tokens a step, top-k", { ...remdmLlada(2), topK: 2 }],
  ["remdm-llada, a pinned position, temperature", { ...remdmLlada(1), pinned, temperature: 0.6 }],
  ["editing", editing(0.6, 0.4, 2)],
  ["editing, two blocks", { ...editing(0.6, 0.4, 2), blockLength: 2 }],
  [
    "editing, temperature, a pinned position",
    { ...editing(0.5, 0.5, 3), temperature: 0.7, pinned },
  ],
  [
    "editing, two positions at least, two windows",
    { ...editing(0.9, 0.3, 1, 2), windows: { stride: 2, strides: 1 } },
  ],
];

describe("the distribution is that of the enumeration", () => {
  it.each(CASES)("%s", async (_, options) => {
    const p = await compare(options);
    expect(p.middle).toBeGreaterThan(P_MIN);
    expect(p.end).toBeGreaterThan(P_MIN);
  });
});

describe("without a draw of tokens or of the order, every text is that of the enumeration", () => {
  const certain = CASES.filter(
    ([, { strategy }]) => !/cap|orderTemp|random/.test(JSON.stringify(strategy)),
  );
  it.each(certain)("%s", async (_, options) => {
    const p = await compare({ ...options, temperature: 0 }, undefined, 8);
    expect(p).toEqual({ middle: 1, end: 1, texts: 1 });
  });
});

describe("the same comparison finds out a sampler in which", () => {
  it.each<[OrderMistake, Case]>([
    ["the least sure come first", order({ by: "margin" })],
    ["the drawn token counts instead of the likeliest", order({ by: "confidence" })],
    [
      "the temperature of the draw changes the confidence",
      { ...order({ by: "confidence", of: "drawn" }), temperature: 0.6, topK: 2 },
    ],
    ["the order has no noise", order({ by: "entropy", orderTemperature: 0.4 })],
    [
      "noise does not fall with time",
      {
        ...order({ by: "confidence", orderTemperature: 1, anneal: true }),
        times: [1, 0.3, 0.1, 0.05],
      },
    ],
    ["a remask takes the place of a reveal", order({ by: "confidence", cap: 0.4 })],
    [
      "the chance of a remask is not shared out by confidence",
      { ...order({ by: "confidence", cap: 1, confidence: true }), uneven: true, ...late },
    ],
    [
      "remasking does not wait for its window",
      {
        ...order({ by: "confidence", cap: 0.8, window: { kind: "switch", tSwitch: 0.3 } }),
        ...four,
      },
    ],
    ["the surest does not go where nothing passes", threshold(0.95, "likeliest")],
    ["the bound is on n instead of n + 1", factor(0.4, "likeliest")],
    ["the largest entropy counts too", entropyBounded(0.5, "entropy")],
    [
      "a revealed token is scored by the token that would be drawn",
      { ...p2(1, "likeliest", "paper"), temperature: 2, times: [1, 0.7, 0.4, 0.38, 0.36] },
    ],
    ["the weight of revealed positions is left out", p2(0, "likeliest")],
    ["the confidence of a kept token is asked for anew", { ...rcr("drawn"), ...four }],
    ["the loop remasks the surest", remdmLlada(1)],
    ["a token is replaced however unsure its successor is", editing(0.6, 0.4, 2)],
  ])("%s", async (mistake, options) => {
    const p = await compare(options, mistake);
    expect(Math.min(p.middle, p.end)).toBeLessThan(P_MIN);
  });
});

/**
 * @returns p-values of {@link SAMPLES} texts of the sampler against the chain, with or without a
 *   mistake in the latter, and how many different texts there are.
 */
async function compare(options: Case, mistake?: Mistake, samples = SAMPLES) {
  const { strategy, rule, times = [1, 0.7, 0.4, 0.1], length = 3, quirks } = options;
  const {
    temperature = 1,
    topK,
    topP = 1,
    uneven = false,
    pinned = new Map<number, TokenId>(),
  } = options;
  const { stride, strides } = options.windows ?? { stride: 0, strides: 0 };
  const blocks = options.blockLength === undefined ? {} : { blockLength: options.blockLength };
  const logits = uneven ? unevenLogits : tableLogits;
  const parsed = rule(mistake);
  const drawing = { temperature, topP, ...(topK !== undefined && { topK }) };
  const chain = {
    rule: parsed,
    times,
    drawing,
    length,
    stride,
    strides,
    ...blocks,
    maskId: MASK,
    logits,
    pinned,
  };
  const exact = enumerateOrder(chain);
  const denoiser = new TableDenoiser(length, { judgesRevealed: true }, logits, true);
  const { events } = await collect(
    sampleEvents(denoiser, {
      strategy,
      ...(parsed.untimed !== true && { steps: times }),
      ...drawing,
      ...(quirks && { quirks }),
      pinned,
      seed: 11,
      samples,
      batchSize: 64,
      ...options.windows,
      ...blocks,
    }),
  );
  const start = Array.from({ length: length + stride * strides }, (_, i) => pinned.get(i) ?? MASK);
  const countsAt = (step: number) => {
    const counts = new Map<string, number>();
    for (const text of replay(events, start, MASK, step).values()) {
      counts.set(text.join(), (counts.get(text.join()) ?? 0) + 1);
    }
    return counts;
  };
  const middle = exact.length - 3;
  const texts = countsAt(Infinity);
  return {
    middle: goodnessOfFit(countsAt(middle), exact[middle]),
    end: goodnessOfFit(texts, exact[exact.length - 1]),
    texts: texts.size,
  };
}
