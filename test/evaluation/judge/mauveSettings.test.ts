/** One check of MAUVE's settings for `evaluate`, a judge's request and an experiment's file. */
import { describe, expect, it } from "@jest/globals";
import { resolveMauve } from "../../../src/evaluation/evaluationOptions.ts";
import { checkMauve } from "../../../src/evaluation/judge/mauveRequest.ts";
import { checkMauveSettings, DEFAULT_MAUVE } from "../../../src/evaluation/judge/mauveSettings.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

/** An experiment's settings of MAUVE, as resolved. */
function inExperiment(mauve: object): unknown {
  const models = [{ checkpoint: "demo", strategies: ["mdlm"] }];
  const references = file("references.txt", "text");
  return resolveExperiment({ name: "e", steps: 4, models, references, judge: "demo", mauve }).mauve;
}

const everywhere: readonly [string, (mauve: object) => unknown][] = [
  ["evaluate", (mauve) => resolveMauve(mauve)],
  ["a request", (mauve) => checkMauve({ seeds: [1], ...mauve }).settings],
  ["an experiment", inExperiment],
];

describe.each(everywhere)("%s", (_, settings) => {
  it.each([
    { seeds: [] },
    { seeds: [1, 1] },
    { seeds: [-1] },
    { seeds: [0.5] },
    { seeds: [2 ** 31 - 2] },
    { scale: 0 },
    { scale: 1000.5 },
    { scale: Number.POSITIVE_INFINITY },
  ])("refuses %p", (mauve) => {
    expect(() => settings(mauve)).toThrow(/seeds|scale/);
  });

  it("takes the limits", () => {
    const limits = { seeds: [0, 2 ** 31 - 3], scale: 1000 };
    expect(settings(limits)).toMatchObject({ scale: 1000 });
  });
});

it("the defaults are the same for all", () => {
  expect(resolveMauve()).toEqual(DEFAULT_MAUVE);
  expect(inExperiment({})).toEqual(DEFAULT_MAUVE);
  expect(checkMauve({ seeds: [1] }).settings.scale).toBe(DEFAULT_MAUVE.scale);
});

it("the seed at fault is named, with the option that it is of", () => {
  expect(() => checkMauveSettings({ seeds: [1, 2, 1] }, "mauve.")).toThrow(
    /^mauve\.seeds must be different integers in \[0, 2147483645\], at least one; got 1$/,
  );
});
