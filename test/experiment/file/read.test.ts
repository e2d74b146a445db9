import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { PRESETS, etaNote, presetExperiment } from "../../../src/experiment/file/presets.ts";
import { readExperiment, resolveExperiment } from "../../../src/experiment/file/read.ts";
import { samplerOptionsOf } from "../../../src/experiment/file/cell.ts";
import { expectedCalls } from "../../../src/experiment/run/cost.ts";
import { ExperimentError } from "../../../src/index.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-read-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function read(text: string, name = "grid.yaml") {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return readExperiment(path);
}

function ids(experiment: object): string[] {
  return resolveExperiment(experiment).cells.map(({ id }) => id);
}

const grid = (strategies: unknown[], more: object = {}) => ({
  name: "grid",
  steps: [8, 16],
  models: [{ checkpoint: "demo", strategies }],
  ...more,
});

it("takes raw weights for a model and for the judge, each by its own key", () => {
  const raw = { checkpoint: "demo", strategies: ["mdlm"], rawWeights: true };
  const experiment = resolveExperiment(
    grid([], { models: [raw], judge: "demo-ar", judgeRawWeights: true }),
  );
  expect(experiment).toMatchObject({ models: [{ rawWeights: true }], judgeRawWeights: true });
  const plain = resolveExperiment(grid(["mdlm"]));
  expect(plain).toMatchObject({ models: [{ rawWeights: false }], judgeRawWeights: false });
  expect(() => resolveExperiment(grid(["mdlm"], { judgeRawWeights: "yes" }))).toThrow(
    /judgeRawWeights/,
  );
});

describe("the grid", () => {
  it("has every combination once, in the order of the file", () => {
    expect(ids(grid(["mdlm", { name: "remdm-cap", eta: [0.1, 0.2] }], { seeds: [1, 2] }))).toEqual([
      "demo_mdlm_T8_p0.9_seed1",
      "demo_mdlm_T8_p0.9_seed2",
      "demo_mdlm_T16_p0.9_seed1",
      "demo_mdlm_T16_p0.9_seed2",
      "demo_remdm-cap-eta0.1_T8_p0.9_seed1",
      "demo_remdm-cap-eta0.1_T8_p0.9_seed2",
      "demo_remdm-cap-eta0.2_T8_p0.9_seed1",
      "demo_remdm-cap-eta0.2_T8_p0.9_seed2",
      "demo_remdm-cap-eta0.1_T16_p0.9_seed1",
      "demo_remdm-cap-eta0.1_T16_p0.9_seed2",
      "demo_remdm-cap-eta0.2_T16_p0.9_seed1",
      "demo_remdm-cap-eta0.2_T16_p0.9_seed2",
    ]);
  });

  it("does not multiply a strategy by what it does not have", () => {
    const more = { topP: [0.5, 0.9] };
    const ar = { models: [{ checkpoint: "demo-ar", strategies: ["ar"] }], ...more };
    expect(ids(grid([], ar))).toEqual(["demo-ar_ar_p0.5_seed1", "demo-ar_ar_p0.9_seed1"]);
    expect(ids(grid(["analytic"], more))).toEqual([
      "demo_analytic_T8_seed1",
      "demo_analytic_T16_seed1",
    ]);
  });

  it("multiplies temperatures and top-k, for every strategy", () => {
    const more = { steps: 8, seeds: 1, temperature: [1, 0.7], topK: [5, 50] };
    expect(ids(grid(["mdlm"], { ...more, topP: 1 }))).toEqual([
      "demo_mdlm_T8_p1_k5_seed1",
      "demo_mdlm_T8_p1_k50_seed1",
      "demo_mdlm_T8_p1_temp0.7_k5_seed1",
      "demo_mdlm_T8_p1_temp0.7_k50_seed1",
    ]);
    const { cells } = resolveExperiment(grid([{ name: "analytic", temperature: 0 }], more));
    expect(cells.map(samplerOptionsOf)).toMatchObject([
      { topP: 1, temperature: 0, topK: 5 },
      { topP: 1, temperature: 0, topK: 50 },
    ]);
  });

  it("generates in blocks where the file says so, and only strategies that have any", () => {
    const more = { steps: 8, seeds: 1, topP: 1, blockLength: 32, length: 100 };
    const { cells } = resolveExperiment(grid(["mdlm"], more));
    expect(cells.map(({ id }) => id)).toEqual(["demo_mdlm_T8_p1_L100_B32_seed1"]);
    expect(cells.map(samplerOptionsOf)).toMatchObject([{ blockLength: 32, length: 100 }]);
    const whole = { ...cells[0], blockLength: undefined };
    const calls = [32, 32, 32, 4].map((length) => expectedCalls(whole, length));
    expect(expectedCalls(cells[0], 100)).toBeCloseTo(calls.reduce((a, b) => a + b));
    expect(() => resolveExperiment(grid(["analytic"], more))).toThrow(/blockLength/);
  });

  it("counts what stands nearer", () => {
    const { cells } = resolveExperiment({
      name: "near",
      steps: 8,
      samples: 10,
      topP: 0.5,
      models: [
        { checkpoint: "demo", samples: 20, strategies: ["mdlm", { name: "dfm", samples: 30 }] },
      ],
    });
    expect(cells.map(({ samples, topP }) => [samples, topP])).toEqual([
      [20, 0.5],
      [30, 0.5],
    ]);
  });

  it("tells the etas of a combined strategy apart", () => {
    const one = { name: "remdm-cap+conf", eta: [0.1, 0.2], steps: 8 };
    const { cells } = resolveExperiment(grid([one]));
    expect(cells.map(({ strategy }) => strategy)).toEqual([
      { kind: "remdm", cap: 0.1, confidence: true },
      { kind: "remdm", cap: 0.2, confidence: true },
    ]);
  });

  it("takes the paper's eta for the number of steps", () => {
    const steps = [128, 512, 1024, 4096];
    const strategies = ["remdm-cap", "remdm-rescale", "remdm-loop"].map((name) => ({
      name,
      eta: "paper",
      steps,
    }));
    expect(resolveExperiment(grid(strategies)).cells.map(({ eta }) => eta)).toEqual([
      ...[0.04, 0.04, 0.008, 0.008],
      ...[0.045, 0.045, 0.015, 0.015],
      ...[0.055, 0.055, 0.02, 0.02],
    ]);
  });
});

describe("what is wrong is named with its place", () => {
  const head = "name: x\nsteps: 8\nmodels:\n  - checkpoint: demo\n    strategies:\n";
  it.each([
    [
      "a misspelt key",
      `${head}      - { name: dfm, stepz: 3 }\n`,
      /grid\.yaml:6: models\[0\]\.strategies\[0\]\.stepz is not a known key/,
    ],
    [
      "a wrong type",
      "name: x\nsteps: many\nmodels:\n  - { checkpoint: demo, strategies: [dfm] }\n",
      /grid\.yaml:2: steps is "many", which is not allowed/,
    ],
    [
      "what is missing",
      "name: x\nmodels:\n  - strategies: [mdlm]\n",
      /grid\.yaml:3: models\[0\] lacks checkpoint/,
    ],
    [
      "an unknown strategy",
      `${head}      - mdlm\n      - remdm-cup\n`,
      /grid\.yaml:7: models\[0\]\.strategies\[1\]: There is no strategy "remdm-cup"/,
    ],
    [
      "a setting that the strategy lacks",
      `${head}      - { name: mdlm, eta: 0.1 }\n`,
      /grid\.yaml:6: .*eta is not an option of the strategy mdlm/,
    ],
    [
      "a bad number",
      `${head}      - { name: remdm-cap, eta: 7 }\n`,
      /grid\.yaml:6: .*eta must be a number in \[0, 1\]; got 7/,
    ],
    [
      "half a step",
      "name: x\nsteps: 1.5\nmodels:\n  - { checkpoint: demo, strategies: [dfm] }\n",
      /steps must be an integer/,
    ],
    [
      "no steps",
      "name: x\nmodels:\n  - { checkpoint: demo, strategies: [dfm] }\n",
      /grid\.yaml:3: models\[0\]\.strategies\[0\] has no steps/,
    ],
    [
      "the same twice",
      `${head}      - mdlm\n      - mdlm\n`,
      /grid\.yaml:7: .* gives demo_mdlm_T8_p0\.9_seed1, which .*grid\.yaml:6.* gave already/,
    ],
    [
      "a file that is not there",
      `references: no.txt\n${head}      - mdlm\n`,
      /grid\.yaml:1: references is "no\.txt", and there is nothing at/,
    ],
    [
      "an eta that the paper lacks",
      `${head}      - { name: remdm-cap, eta: paper, steps: 700 }\n`,
      /eta is paper, which has none for remdm-cap with 700 steps/,
    ],
    [
      "an empty list",
      "name: x\nsteps: 8\nmodels: []\n",
      /models is an empty list, which is not allowed/,
    ],
    ["an empty list of seeds", `seeds: []\n${head}      - mdlm\n`, /is an empty list of seeds/],
    [
      "an empty list of etas",
      `${head}      - { name: remdm-cap, eta: [] }\n`,
      /grid\.yaml:6: .*is an empty list of eta/,
    ],
    ["an empty list of nuclei", `topP: []\n${head}      - mdlm\n`, /is an empty list of topP/],
    [
      "cells whose files differ in capitals only",
      `${head}      - { name: mdlm, label: A }\n      - { name: dfm, label: a }\n`,
      /gives demo_a_T8_p0\.9_seed1, which .* gave already/,
    ],
    ["an alias of nothing", `${head}      - *no\n`, /is neither YAML nor JSON/],
    [
      "aliases of too much",
      `a: &a [1,1,1,1,1,1,1,1,1]\n${"bcdef"
        .split("")
        .map((k, i) => `${k}: &${k} [${Array(9).fill(`*${"abcde"[i]}`).join()}]\n`)
        .join("")}${head}      - mdlm\n`,
      /is neither YAML nor JSON/,
    ],
    ["a file that is too long", `# ${"x".repeat(2 ** 20)}\n${head}      - mdlm\n`, /hardly an exp/],
    [
      "seeds of MAUVE that k-means does not take",
      `references: grid.yaml\nmauve: { seeds: [4294967296] }\n${head}      - mdlm\n`,
      /grid\.yaml:2: mauve\.seeds: seeds must be/,
    ],
    [
      "a bundled name that is none",
      "name: x\nsteps: 8\nmodels:\n  - { checkpoint: demo-x, strategies: [dfm] }\n",
      /there is nothing at/,
    ],
    [
      "a tokenizer that is not beside the file",
      "name: x\nsteps: 8\nmodels:\n  - { checkpoint: demo, tokenizer: no.json, strategies: [dfm] }\n",
      /tokenizer is "no\.json", and there is nothing at/,
    ],
    ["what is no YAML", "name: [x\n", /grid\.yaml:\d+:\d+ is neither YAML nor JSON/],
  ])("%s", (_, text, message) => {
    expect(() => read(text)).toThrow(ExperimentError);
    expect(() => read(text)).toThrow(message);
  });

  it("takes merge keys", () => {
    const text = `name: x\nsteps: 8\nmodels:\n  - checkpoint: demo\n    strategies:\n      - &a { name: remdm-cap, eta: 0.1 }\n      - { <<: *a, eta: 0.2 }\n`;
    expect(read(text).cells.map(({ eta }) => eta)).toEqual([0.1, 0.2]);
  });

  it("finds published checkpoints that were downloaded, and a tokenizer beside the file", () => {
    const before = process.env.REMDM_CACHE;
    process.env.REMDM_CACHE = scratch;
    try {
      const text = (more = "") =>
        `name: x\nsteps: 8\nmodels:\n  - { checkpoint: mdlm, ${more}strategies: [mdlm] }\n`;
      expect(() => read(text())).toThrow(
        expect.objectContaining({ remedy: expect.stringContaining("checkpoints download mdlm") }),
      );
      writeFileSync(join(scratch, "mdlm.ckpt"), "");
      writeFileSync(join(scratch, "t.json"), "");
      expect(read(text("tokenizer: t.json, ")).models[0]).toMatchObject({
        name: "mdlm",
        checkpoint: join(scratch, "mdlm.ckpt"),
        tokenizer: join(scratch, "t.json"),
      });
    } finally {
      if (before === undefined) delete process.env.REMDM_CACHE;
      else process.env.REMDM_CACHE = before;
    }
  });

  it("in JSON too", () => {
    const text =
      '{\n  "name": "x",\n  "steps": true,\n  "models": [{"checkpoint": "demo", "strategies": ["mdlm"]}]\n}';
    expect(() => read(text, "grid.json")).toThrow(/grid\.json:3: steps is true/);
  });
});

describe("presets", () => {
  const original = { samples: 5000, seed: 1, length: undefined };
  it.each([
    ["ar", { kind: "ar" }, undefined, 0.9],
    ["sedd", { kind: "analytic" }, 1024, undefined],
    ["mdlm", { kind: "mdlm" }, 1024, 0.9],
    ["fb", { kind: "forward-backward" }, 1024, 0.9],
    ["dfm", { kind: "dfm" }, 1024, 0.9],
    ["remdm-cap", { kind: "remdm-cap", eta: 0.008 }, 1024, 0.9],
    ["remdm-rescale", { kind: "remdm-rescale", eta: 0.015 }, 1024, 0.9],
    ["remdm-conf", { kind: "remdm-conf" }, 1024, 0.9],
    [
      "remdm-loop",
      { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
      1024,
      0.9,
    ],
  ])("%s has the settings of the original's script", (name, strategy, steps, topP) => {
    const checkpoint = name === "ar" ? "demo-ar" : "demo";
    const { cells } = resolveExperiment(presetExperiment(name, { checkpoint }));
    expect(cells).toHaveLength(1);
    expect(cells[0]).toMatchObject({ ...original, strategy, steps, topP });
  });

  it("know forward-backward by both of its names, and a misspelt name by the nearest", () => {
    const named = (name: string) => presetExperiment(name, { checkpoint: "demo" });
    expect(named("forward-backward")).toEqual(named("fb"));
    expect(() => named("remdm-lop")).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/^Did you mean remdm-loop\? Use /) }),
    );
    expect(() => named("nonsense")).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/^Use one of ar, /) }),
    );
  });

  it("are the scripts, and say which eta fewer steps take", () => {
    expect(PRESETS).toHaveLength(9);
    expect(etaNote("remdm-loop", [256])).toBe("The paper's eta: 0.055 with 256 steps.");
    expect(etaNote("mdlm")).toBe("");
  });
});
