/** What the flags of `remdm sample` ask of the library, for each kind of model. */
import { describe, expect, it } from "@jest/globals";
import {
  checkFlags,
  samplingOptions,
} from "../../../../src/cli/commands/sample/samplingOptions.ts";
import type { SampleFlags } from "../../../../src/cli/commands/sample/flags.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { OptionError, prepare, type ModelKind, type PreparedRun } from "../../../../src/index.ts";

const bare: SampleFlags = {
  checkpoint: "demo",
  dtype: "float32",
  device: "auto",
  samples: 1,
  seed: 1n,
};

/** What the library makes of the flags: the defaults are its own. */
function prepared(flags: SampleFlags, kind: ModelKind): PreparedRun {
  const tokens = { vocabSize: 8, maskId: 7, bosId: 0 };
  const model = { kind, length: 128, timeConditioning: false, ...tokens };
  const { prompt, specialTokens, banned, suppressed, ...options } = samplingOptions(flags, kind);
  const texts = [prompt, specialTokens, banned, suppressed];
  expect(texts).toEqual([undefined, undefined, undefined, undefined]);
  return prepare(options, model);
}

describe("the model's kind says what runs where nobody says it", () => {
  it.each([
    ["mdlm", "remdm-loop", 128, 0.9],
    ["sedd", "analytic", 128, 1],
    ["d3pm", "ddpm", 128, 1],
    ["ar", "ar", 126, 0.9],
  ] as const)("%s: %s, steps %s, top-p %s", (kind, strategy, steps, topP) => {
    const run = prepared(bare, kind);
    expect(run.strategy.kind).toBe(strategy);
    expect([run.steps, run.topP]).toEqual([steps, topP]);
  });

  it("and a program that says nothing runs with the same", () => {
    const model = { vocabSize: 8, maskId: 7, length: 128, timeConditioning: false };
    expect(prepared(bare, "mdlm")).toEqual(prepare({}, model));
  });

  it("and the caller's word counts", () => {
    const flags = { ...bare, strategy: "remdm-cap", eta: 0.1, steps: 7, topP: 1, stride: 8 };
    const more = { strides: 2, prompt: "A", until: "end", specialTokens: false } as const;
    expect(samplingOptions({ ...flags, ...more }, "mdlm")).toEqual({
      strategy: { kind: "remdm-cap", eta: 0.1 },
      steps: 7,
      topP: 1,
      samples: 1,
      seed: 1n,
      stride: 8,
      strides: 2,
      until: "end",
      prompt: "A",
      specialTokens: false,
    });
  });
});

describe("--predictor", () => {
  it.each([
    [{ predictor: "ddpm" }, { kind: "ddpm" }, 1],
    [{ predictor: "analytic", strategy: "mdlm" }, { kind: "analytic" }, 1],
    [{ predictor: "ddpm_cache", strategy: "remdm-conf" }, { kind: "remdm-conf" }, 0.9],
    [{ predictor: "analytic", quirks: "paper" }, { kind: "analytic" }, 0.9],
  ] as const)("%j", (flags, strategy, topP) => {
    const run = prepared({ ...bare, ...flags }, "mdlm");
    expect(run.strategy).toEqual(strategy);
    expect(run.topP).toBe(topP);
  });

  it("does not go with a strategy that it does not look at", () => {
    const flags: SampleFlags = { ...bare, predictor: "ddpm", strategy: "remdm-loop" };
    expect(() => samplingOptions(flags, "mdlm")).toThrow(UsageError);
  });
});

/** A file says nothing of its model before it is loaded. */
const unknown: SampleFlags = { ...bare, checkpoint: "some.ckpt" };

describe("before a model is loaded", () => {
  it.each<[Partial<SampleFlags>, string]>([
    [{ strategy: "ar", steps: 4 }, "steps must be undefined (ar takes one step a token)"],
    [{ predictor: "ddpm", topP: 0.9 }, "topP must be 1 with the strategy ddpm"],
    [{ stride: 4 }, "strides must be an integer"],
    [{ executor: "dense", quirks: "paper" }, 'quirks must be "original"'],
    [{ executor: "dense", strategy: "remdm-cap+conf" }, "one that the original's code has"],
  ])("%j is refused", (flags, message) => {
    expect(() => checkFlags({ ...unknown, ...flags })).toThrow(OptionError);
    expect(() => checkFlags({ ...unknown, ...flags })).toThrow(message);
  });

  it.each<Partial<SampleFlags>>([
    {},
    { strategy: "ar", prompt: "To be" },
    { strategy: "analytic" },
    { executor: "dense" },
    { executor: "dense", predictor: "analytic" },
    { until: "end" },
    { until: "end", strategy: "ar" },
    { stride: 10, strides: 3 },
  ])("%j may be right", (flags) => {
    expect(() => checkFlags({ ...unknown, ...flags })).not.toThrow();
  });

  it("an option that is to be left out is said so", () => {
    const attempt = () => checkFlags({ ...unknown, strategy: "ar", steps: 4 });
    expect(attempt).toThrow(expect.objectContaining({ remedy: "Leave steps out." }));
  });
});

describe("a model whose kind and length are known without loading it", () => {
  it.each<[Partial<SampleFlags>, string]>([
    [{ checkpoint: "demo-ar", strategy: "mdlm" }, 'must be ar for a model of kind ar; got "mdlm"'],
    [
      { checkpoint: "demo-sedd", strategy: "remdm-loop" },
      "must be analytic for a model of kind sedd",
    ],
    [{ checkpoint: "ar", strategy: "mdlm" }, "must be ar for a model of kind ar"],
    [{ checkpoint: "demo", strategy: "ar" }, "must be one of mdlm, ddpm, "],
    [{ checkpoint: "demo", length: 0 }, "length must be an integer in [1, 128]; got 0"],
    [{ checkpoint: "demo", length: 129 }, "length must be an integer in [1, 128]; got 129"],
    [{ checkpoint: "mdlm", length: 0 }, "length must be an integer in [1, 1024]; got 0"],
    [{ checkpoint: "some.ckpt", length: 0 }, "length must be an integer of at least 1; got 0"],
  ])("%j is refused", (flags, message) => {
    expect(() => checkFlags({ ...bare, ...flags })).toThrow(OptionError);
    expect(() => checkFlags({ ...bare, ...flags })).toThrow(message);
  });

  it.each(["demo", "demo-ar", "demo-sedd", "mdlm", "ar", "sedd"])(
    "%s has a strategy",
    (checkpoint) => {
      expect(() => checkFlags({ ...bare, checkpoint })).not.toThrow();
    },
  );
});
