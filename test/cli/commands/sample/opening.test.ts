/** The line that is shown before sampling names every option that decides, in the words of the flags. */
import { describe, expect, it } from "@jest/globals";
import { opening, type OpeningSettings } from "../../../../src/cli/commands/sample/opening.ts";
import { preparePrompted } from "../../../../src/program/prompt.ts";
import type { SampleOptions } from "../../../../src/program/sampleOptions.ts";
import { SampleRun } from "../../../../src/program/run.ts";
import { RunTexts } from "../../../../src/program/runTexts.ts";
import { defineStrategy, posterior, type Denoiser } from "../../../../src/sampler/index.ts";
import type { OptionTable } from "../../../../src/sampler/optionTable.ts";
import { runEvents } from "../../../../src/sampler/run.ts";
import { BUILT_IN } from "../../../../src/sampler/strategies/builtIn.ts";

const model = { vocabSize: 8, maskId: 7, eosId: 1, length: 16, timeConditioning: false };
const tokenizer = { name: "t", vocabSize: 8, encode: async () => [1], decode: () => "" };
const denoiser: Denoiser = { model, forward: () => Promise.reject(new Error("not asked")) };

function settingsOf(options: SampleOptions): OpeningSettings {
  const { run, names } = preparePrompted({ ...options, prompt: "A" }, model);
  const texts = new RunTexts(tokenizer, { model, run, specialTokens: true });
  return new SampleRun({
    run,
    names,
    start: () => runEvents(denoiser, run),
    texts,
    complete: (result) => result,
  }).settings;
}

function tableOf(kind: string): OptionTable {
  return BUILT_IN.find((one) => one.kind === kind)?.options ?? {};
}

describe("the opening", () => {
  it.each<[SampleOptions, string]>([
    [
      {},
      "remdm-loop, eta 0.02, t-on 0.55, t-off 0.05, alpha-on 0.9, 16 steps, length 16, top-p 0.9",
    ],
    [
      { strategy: { kind: "threshold", tau: 0.5 } },
      "threshold, tau 0.5, 16 steps, length 16, top-p 0.9",
    ],
    [
      {
        strategy: { kind: "confidence", of: "drawn", counts: [8, 8], window: { kind: "switch" } },
        temperature: 0,
      },
      "confidence, of drawn, order-temperature 0, counts 8,8, eta-cap 0, eta-rescale 1, " +
        "window switch (tSwitch 0.55), 2 steps, length 16, temperature 0, top-p 0.9",
    ],
    [
      {
        strategy: "mdlm",
        steps: 1,
        ...{ length: 4, samples: 3, temperature: 0.7, topK: 3, topP: 1, guidance: 1.5 },
        ...{ banned: [" the", 3], until: "end", quirks: "paper" },
      },
      "mdlm, 1 step, length 4, 3 samples, temperature 0.7, top-k 3, guidance 1.5, " +
        'ban " the" 3, until end, quirks paper',
    ],
    [
      { strategy: "random", suppressed: [0, 1, 2, 3, 4, 5, 0, 1, 2, 3], steps: 2 },
      "random, eta-cap 0, eta-rescale 1, 2 steps, length 16, top-p 0.9, " +
        "suppress 0 1 2 3 4 5 0 1 and 2 more",
    ],
    [
      { strategy: "mdlm", executor: "dense", steps: 2 },
      "mdlm, 2 steps, length 16, top-p 0.9, executor dense",
    ],
    [
      { strategy: "mdlm", steps: 2, stride: 4, strides: 2 },
      "mdlm, 2 steps, length 16, top-p 0.9, stride 4, strides 2, until end",
    ],
    [
      { strategy: "mdlm", steps: 2, blockLength: 4 },
      "mdlm, 2 steps, length 16, top-p 0.9, block-length 4",
    ],
    [
      { strategy: "mdlm", steps: 32, guide: { reward: () => 0, particles: 4 } },
      "mdlm, 32 steps, length 16, top-p 0.9, " +
        "guide smc (particles 4, strength 1, every 2, resample-below 0.5, resampling systematic)",
    ],
  ])("of %j", (options, said) => {
    const settings = settingsOf(options);
    const line = opening(settings, tableOf(settings.strategy.kind), undefined);
    expect(line).toBe(`Sampling: ${said}, seed 1`);
  });

  it("calls a combination by its name, and leaves steps out where there are none", () => {
    const settings = settingsOf({ strategy: "remdm-cap+loop", seed: 2n ** 63n });
    const line = opening({ ...settings, steps: undefined }, tableOf("remdm"), "remdm-cap+loop");
    expect(line).toBe(
      "Sampling: remdm-cap+loop, eta-cap 0.008, eta-rescale 1, " +
        "window loop (tOn 0.55, tOff 0.05, alphaOn 0.9), length 16, top-p 0.9, seed 9223372036854775808",
    );
  });

  it("names options of a strategy of one's own as its table does", () => {
    const strategy = defineStrategy({
      ...{ kind: "mine", source: "s", summary: "s" },
      options: {
        eta: { type: "number", default: 0.1, range: "[0, 1]", help: "h" },
        maxAge: { type: "integer", default: 3, range: "[0, 9]", help: "h" },
        late: { type: "flag", default: false, help: "h" },
      },
      transition: (_, step) => posterior(step, 0),
    });
    const settings = settingsOf({ strategy: strategy({ late: true }) });
    expect(opening(settings, strategy.definition.options ?? {}, undefined)).toContain(
      "mine, eta 0.1, maxAge 3, late true, 16 steps",
    );
  });
});
