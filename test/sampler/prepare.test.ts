/** Every mistake is found before anything runs, and the message says what, where and what would be right. */
import { describe, expect, it } from "@jest/globals";
import {
  OptionError,
  RemdmError,
  prepare,
  sampleEvents,
  type DenoiserModel,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import { checkBeforeLoading } from "../../src/sampler/prepare.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const model: DenoiserModel = { vocabSize: 4, maskId: MASK, length: 6, timeConditioning: false };

/** As an untyped caller would: any value under any name. */
function resolve(options: Record<string, unknown>) {
  const untyped: unknown = { strategy: { kind: "mdlm" }, steps: 4, ...options };
  return prepare(untyped as SamplerOptions, model);
}

const KINDS =
  "mdlm, ddpm, analytic, ar, forward-backward, dfm, remdm-cap, remdm-rescale, remdm-conf, remdm-loop, remdm, " +
  "psi, first-hitting, confidence, margin, entropy, random, threshold, factor, entropy-bounded, p2, rcr, " +
  "remdm-llada, editing";
const loop = (options: object) => ({ strategy: { kind: "remdm-loop", ...options } });
const remdm = (options: object) => ({ strategy: { kind: "remdm", ...options } });
const windowed = (options: object) => remdm({ window: options });

const mistakes: [Record<string, unknown>, string, string][] = [
  [{ strategy: null }, "strategy", `an object whose kind is one of ${KINDS}; got null`],
  [{ strategy: 7 }, "strategy", `an object whose kind is one of ${KINDS}; got 7`],
  [
    { strategy: ["mdlm"] },
    "strategy",
    `an object whose kind is one of ${KINDS}; got an array of 1`,
  ],
  [{ strategy: {} }, "strategy.kind", `one of ${KINDS}; got undefined`],
  [{ strategy: { kind: "rdm" } }, "strategy.kind", `one of ${KINDS}; got "rdm"`],
  [{ strategy: { kind: "toString" } }, "strategy.kind", `one of ${KINDS}; got "toString"`],
  [
    { strategy: { kind: "mdlm", eta: 0.1 } },
    "strategy.eta",
    "undefined (mdlm takes only kind); got 0.1",
  ],
  [
    loop({ ton: 0.5 }),
    "strategy.ton",
    "undefined (remdm-loop takes only kind, eta, tOn, tOff, alphaOn); got 0.5",
  ],
  [{ strategy: { kind: "remdm-cap", eta: 1.5 } }, "strategy.eta", "a number in [0, 1]; got 1.5"],
  [{ strategy: { kind: "remdm-cap", eta: NaN } }, "strategy.eta", "a number in [0, 1]; got NaN"],
  [
    { strategy: { kind: "remdm-rescale", eta: "0.1" } },
    "strategy.eta",
    'a number in [0, 1]; got "0.1"',
  ],
  [
    { strategy: { kind: "remdm-rescale", eta: null } },
    "strategy.eta",
    "a number in [0, 1]; got null",
  ],
  [loop({ tOff: 0.6 }), "strategy.tOn", "a number in (tOff, 1), with tOff = 0.6; got 0.55"],
  [loop({ tOn: 1 }), "strategy.tOn", "a number in (tOff, 1), with tOff = 0.05; got 1"],
  [loop({ tOff: 0 }), "strategy.tOff", "a number in (0, tOn); got 0"],
  [loop({ alphaOn: 1 }), "strategy.alphaOn", "a number in (0, 1); got 1"],
  [
    loop({ alphaOn: 0.75, eta: 0.5 }),
    "strategy.eta",
    "a number in [0, 0.3333333333333333], the most that alphaOn = 0.75 allows; got 0.5",
  ],
  [remdm({ cap: -0.1 }), "strategy.cap", "a number in [0, 1]; got -0.1"],
  [remdm({ rescale: Infinity }), "strategy.rescale", "a number in [0, 1]; got Infinity"],
  [remdm({ confidence: 1 }), "strategy.confidence", "true or false; got 1"],
  [
    remdm({ eta: 0.1 }),
    "strategy.eta",
    "undefined (remdm takes only kind, cap, rescale, confidence, window); got 0.1",
  ],
  [
    windowed([]),
    "strategy.window",
    "an object whose kind is one of switch, loop; got an array of 0",
  ],
  [windowed({ kind: "off" }), "strategy.window.kind", 'one of switch, loop; got "off"'],
  [
    windowed({ kind: "switch", tOn: 0.5 }),
    "strategy.window.tOn",
    "undefined (switch takes only kind, tSwitch); got 0.5",
  ],
  [
    windowed({ kind: "switch", tSwitch: 0 }),
    "strategy.window.tSwitch",
    "a number in (0, 1]; got 0",
  ],
  [
    windowed({ kind: "loop", tOn: 0.01 }),
    "strategy.window.tOn",
    "a number in (tOff, 1), with tOff = 0.05; got 0.01",
  ],
  [{ steps: 0 }, "steps", "an integer in [1, 1000000]; got 0"],
  [{ steps: 2.5 }, "steps", "an integer in [1, 1000000]; got 2.5"],
  [{ steps: Infinity }, "steps", "an integer in [1, 1000000]; got Infinity"],
  [{ steps: 1e7 }, "steps", "an integer in [1, 1000000]; got 10000000"],
  [{ topP: 0 }, "topP", "a number in (0, 1]; got 0"],
  [{ topP: NaN }, "topP", "a number in (0, 1]; got NaN"],
  [{ topP: 90 }, "topP", "a number in (0, 1]; got 90"],
  [{ temperature: -1 }, "temperature", "a number in [0, Infinity); got -1"],
  [{ temperature: NaN }, "temperature", "a number in [0, Infinity); got NaN"],
  [{ temperature: Infinity }, "temperature", "a number in [0, Infinity); got Infinity"],
  [{ temperature: "1" }, "temperature", 'a number in [0, Infinity); got "1"'],
  [{ temperature: null }, "temperature", "a number in [0, Infinity); got null"],
  [
    { temperature: 0.5, executor: "dense" },
    "temperature",
    "1 with the executor dense: the original has none; got 0.5",
  ],
  [{ topK: 0 }, "topK", "an integer of at least 1; got 0"],
  [{ topK: 1.5 }, "topK", "an integer of at least 1; got 1.5"],
  [{ topK: Infinity }, "topK", "an integer of at least 1; got Infinity"],
  [{ topK: null }, "topK", "an integer of at least 1; got null"],
  [
    { topK: 5, executor: "dense" },
    "topK",
    "undefined with the executor dense: the original has none; got 5",
  ],
  [
    { strategy: { kind: "confidence" }, executor: "dense" },
    "strategy.of",
    'as published code has it, with the executor dense: of "drawn" (low_confidence), or scale "probability" and pace "times" (maskgit_plus); got "likeliest"',
  ],
  [
    { strategy: { kind: "random", cap: 0.1 }, executor: "dense" },
    "strategy.cap",
    "as published code has it, with the executor dense: no options (random); got 0.1",
  ],
  [
    { strategy: { kind: "random" }, executor: "dense", topK: 5 },
    "topK",
    "undefined with the executor dense: LLaDA has none; got 5",
  ],
  [
    { strategy: { kind: "random" }, executor: "dense", topP: 0.5 },
    "topP",
    "1 with the executor dense: LLaDA's published code has no nucleus, and Dream's is not followed; got 0.5",
  ],
  [
    { strategy: { kind: "margin", pace: "times" }, executor: "dense", temperature: 1 },
    "temperature",
    "0 with the executor dense: Dream's draws are not followed; got 1",
  ],
  [
    { strategy: { kind: "remdm-llada" }, executor: "dense", temperature: 0.5 },
    "temperature",
    "1 with the executor dense: ReMDM-LLaDA has none; got 0.5",
  ],
  [
    { strategy: { kind: "remdm-llada" }, executor: "dense", steps: 3 },
    "steps",
    "an even number: half of the steps reveal; got 3",
  ],
  [
    { strategy: { kind: "threshold" }, executor: "dense" },
    "strategy.kind",
    "one that the original's code has, for `dense`",
  ],
  [{ samples: 0 }, "samples", "an integer in [1, 2147483648]; got 0"],
  [{ firstSample: -1 }, "firstSample", "an integer in [0, 2147483647]; got -1"],
  [
    { firstSample: 2 ** 31 - 2, samples: 3 },
    "firstSample",
    "an integer in [0, 2147483645]; got 2147483646",
  ],
  [{ batchSize: 0 }, "batchSize", "an integer of at least 1; got 0"],
  [{ window: 0 }, "window", "an integer of at least 1; got 0"],
  [{ window: 1.5 }, "window", "an integer of at least 1; got 1.5"],
  [{ window: 2, executor: "dense" }, "window", "1 with the executor dense, in which each call"],
  [{ length: 7 }, "length", "an integer in [1, 6]; got 7"],
  [{ length: 0 }, "length", "an integer in [1, 6]; got 0"],
  [{ seed: -1 }, "seed", "an integer in [0, 2^64), a bigint from 2^53 on; got -1"],
  [
    { seed: 2n ** 64n },
    "seed",
    "an integer in [0, 2^64), a bigint from 2^53 on; got 18446744073709551616",
  ],
  [
    { seed: 2 ** 60 },
    "seed",
    "an integer in [0, 2^64), a bigint from 2^53 on; got 1152921504606847000",
  ],
  [{ seed: "1" }, "seed", 'an integer in [0, 2^64), a bigint from 2^53 on; got "1"'],
  [{ pinned: { 0: 1 } }, "pinned", "a Map from positions to token ids; got an object"],
  [{ pinned: [[0, 0]] }, "pinned", "a Map from positions to token ids; got an array of 1"],
  [{ pinned: new Map([[6, 0]]) }, "pinned position", "an integer in [0, 5]; got 6"],
  [{ pinned: new Map([["0", 0]]) }, "pinned position", 'an integer in [0, 5]; got "0"'],
  [{ length: 2, pinned: new Map([[2, 0]]) }, "pinned position", "an integer in [0, 1]; got 2"],
  [
    { pinned: new Map([[3, MASK]]) },
    "pinned position 3",
    "a token id in [0, 3] other than the mask's, 1; got 1",
  ],
  [
    { pinned: new Map([[3, 4]]) },
    "pinned position 3",
    "a token id in [0, 3] other than the mask's, 1; got 4",
  ],
  [{ signal: true }, "signal", "an AbortSignal; got true"],
  [
    { topp: 0.9 },
    "topp",
    "undefined (a sampler takes only strategy, steps, topP, temperature, topK, banned, suppressed, guidance, samples, firstSample, batchSize, window, length, seed, pinned, executor, noise, quirks, stride, strides, blockLength, until, start, guide, signal); got 0.9",
  ],
];

describe("a mistake in the options", () => {
  it.each(mistakes)("%j: %s must be %s", (options, option, message) => {
    const attempt = () => resolve(options);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(`${option} must be ${message}`);
    expect(attempt).toThrow(expect.objectContaining({ option, code: "option_invalid" }));
  });

  it("is found before the network is asked anything", async () => {
    const denoiser = new TableDenoiser(6);
    const events = sampleEvents(denoiser, { strategy: { kind: "mdlm" }, steps: 4, topP: 2 });
    await expect(events.next()).rejects.toThrow(OptionError);
    expect(denoiser.requests).toEqual([]);
  });

  it.each([null, undefined, 3, "mdlm"])("no options at all (%p)", (options) => {
    const untyped: unknown = options;
    expect(() => prepare(untyped as SamplerOptions, model)).toThrow(/^options must be/);
  });
});

describe("right options", () => {
  it("have the documented defaults", () => {
    expect(resolve({ samples: 40 })).toMatchObject({
      topP: 0.9,
      temperature: 1,
      topK: undefined,
      samples: 40,
      firstSample: 0,
      batchSize: 16,
      length: 6,
      seed: 1n,
      signal: undefined,
    });
    expect(resolve({}).batchSize).toBe(16);
    expect(resolve({ window: 40 }).batchSize).toBe(40);
    expect(resolve({}).pinned.size).toBe(0);
  });

  it("may name what they leave undefined", () => {
    expect(resolve({ topP: undefined, prompt: undefined, seed: undefined }).topP).toBe(0.9);
  });

  it("may say to `dense` that it has neither temperature nor top-k", () => {
    const said = { temperature: 1, topK: undefined, executor: "dense" };
    expect(resolve(said)).toMatchObject({ temperature: 1, topK: undefined });
  });

  it("allow temperature and top-k where there is no nucleus", () => {
    const rule = { strategy: { kind: "ddpm" }, temperature: 0, topK: 3 };
    expect(resolve(rule)).toMatchObject({ topP: 1, temperature: 0, topK: 3 });
  });

  it("take seeds of 64 bits", () => {
    expect(resolve({ seed: 2n ** 64n - 1n }).seed).toBe(2n ** 64n - 1n);
    expect(resolve({ seed: 0 }).seed).toBe(0n);
  });

  it("are the run's own: changing the pinned map later changes nothing", () => {
    const pinned = new Map([[0, 2]]);
    const resolved = resolve({ pinned });
    pinned.set(1, 3);
    expect([...resolved.pinned]).toEqual([[0, 2]]);
  });
});

describe("a model that contradicts itself", () => {
  it.each([{ vocabSize: 1 }, { maskId: 4 }, { maskId: -1 }, { length: 0 }, { vocabSize: NaN }])(
    "%j is refused",
    (wrong) => {
      const attempt = () =>
        prepare({ strategy: { kind: "mdlm" }, steps: 1 }, { ...model, ...wrong });
      expect(attempt).toThrow(RemdmError);
      expect(attempt).toThrow(expect.objectContaining({ code: "denoiser_invalid" }));
    },
  );
});

describe("texts that are held at once", () => {
  const model: DenoiserModel = { vocabSize: 4, maskId: 1, length: 1024, timeConditioning: false };
  const guide = { reward: () => 0, particles: 8192 };

  it.each<[SamplerOptions, string, string]>([
    [
      { samples: 1e9, batchSize: 1e9 },
      "batchSize of 1000000000 takes 1000000000 texts of 1024 tokens at once",
      "Set batchSize to 4096 or less.",
    ],
    [
      { samples: 5000, batchSize: 1e12 },
      "batchSize of 5000 takes 5000 texts of 1024 tokens at once",
      "Set batchSize to 4096 or less.",
    ],
    [
      { guide, batchSize: 1 },
      "guide.particles of 8192 takes 8192 texts of 1024 tokens at once",
      "Set guide.particles to 4096 or less.",
    ],
    [
      { stride: 1023, strides: 1e6 },
      "strides of 1000000 takes 1 text of 1023001024 tokens at once",
      "Set strides to 4099 or less.",
    ],
  ])("are refused where there is no room: %j", (options, message, remedy) => {
    expect(() => prepare(options, model)).toThrow(
      expect.objectContaining({
        code: "option_invalid",
        message: `${message}, and there is room for 4194304 tokens`,
        remedy,
      }),
    );
  });

  it("are those of a batch, however many samples there are", () => {
    expect(prepare({ samples: 1e9 }, model).batchSize).toBe(16);
    expect(prepare({ samples: 1e9, batchSize: 4096 }, model).batchSize).toBe(4096);
    expect(prepare({ samples: 3, batchSize: 1e12 }, model).batchSize).toBe(1e12);
    expect(prepare({ stride: 1023, strides: 4099 }, model).strides).toBe(4099);
    expect(checkBeforeLoading({ samples: 1e9, batchSize: 1e9 }).samples).toBe(1e9);
  });
});

describe("the length of a sequence that is given none", () => {
  it.each([
    [6, 6],
    [1024, 1024],
    [131_072, 1024],
  ])("of a model that takes %i tokens is %i", (takes, length) => {
    const options = { strategy: "mdlm", steps: 4 } as const;
    const model = { vocabSize: 4, maskId: 1, length: takes, timeConditioning: false };
    expect(prepare(options, model).length).toBe(length);
    expect(prepare({ ...options, length: takes }, model).length).toBe(takes);
  });
});
