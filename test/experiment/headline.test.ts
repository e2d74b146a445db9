/** The committed headline: it is of the committed file, nothing in it was typed by hand, and what docs/headline.md says of it is so. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { writeCharts } from "../../src/experiment/outcomeFiles.ts";
import { describe as settingsOf } from "../../src/experiment/run/manifest.ts";
import { readExperiment } from "../../src/experiment/file/read.ts";
import { readResult, readTiming, type CellResult } from "../../src/experiment/run/results.ts";
import { tableOf } from "../../src/experiment/output/table.ts";
import { timingsOf } from "../../src/experiment/output/timings.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const directory = join(packageRoot, "docs", "headline");
const text = (name: string): string => readFileSync(join(directory, name), "utf8");

function lines<T>(name: string, read: (value: unknown) => T): T[] {
  return text(name)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => read(JSON.parse(line)));
}

const { name, cells } = readExperiment(
  join(packageRoot, "examples", "experiment", "headline.yaml"),
);
const results = lines("results.jsonl", readResult);

describe("the headline", () => {
  it("has every cell of the experiment, made with its settings, of 128 samples at least", () => {
    // As JSON has them.
    const expected = JSON.parse(
      JSON.stringify(cells.map((cell) => ({ cell: cell.id, settings: settingsOf(cell) }))),
    ) as unknown;
    expect(results.map(({ cell, settings }) => ({ cell, settings }))).toEqual(expected);
    expect(Math.min(...results.map(({ samples }) => samples))).toBeGreaterThanOrEqual(128);
  });

  it("has the table and the times that follow from its results", () => {
    expect(text("table.md")).toBe(tableOf(name, results));
    expect(text("timings.md")).toBe(timingsOf(name, results, lines("timings.jsonl", readTiming)));
  });

  it("has the charts that follow from its results", async () => {
    const charts = new Map<string, string>();
    const write = (file: string, contents: string): void => void charts.set(file, contents);
    await writeCharts({ write }, name, results);
    charts.delete("report.html"); // it holds table and charts once more
    expect(charts.size).toBe(5);
    const others = [...charts].filter(([file, svg]) => text(file) !== svg).map(([file]) => file);
    expect(others).toEqual([]);
  });
});

describe("what docs/headline.md says of it", () => {
  const TOKENS = 128;
  const STEPS = [16, 32, 64, 128, 256, 512];
  const REMASKING = ["remdm-cap", "remdm-rescale", "remdm-loop"];

  function at(label: string, steps: number | null): CellResult {
    const found = results.find((result) => result.label === label && result.steps === steps);
    if (found === undefined) throw new Error(`${label} has no ${steps} steps`);
    return found;
  }
  const labelled = (label: string) => results.filter((result) => result.label === label);
  const diffusion = results.filter(({ model }) => model === "demo");

  interface Measured {
    readonly value: number;
    readonly error: number;
  }
  const measured = (value: unknown, error: unknown): Measured => ({
    value: Number(value),
    error: Number(error),
  });
  const perplexity = ({ evaluation: { genPpl } }: CellResult): Measured =>
    measured(genPpl?.value, genPpl?.standardError);
  const entropy = ({ evaluation: { entropy: own } }: CellResult): Measured =>
    measured(own.mean, own.standardError);
  const words = ({ evaluation }: CellResult): number => Number(evaluation.knownWords);
  /** In standard errors of both: positive where the first is higher. */
  const above = (a: Measured, b: Measured): number =>
    (a.value - b.value) / Math.hypot(a.error, b.error);

  it("MDLM stops, remasking goes on", () => {
    const mdlm = (steps: number) => perplexity(at("mdlm", steps));
    for (const steps of [128, 256, 512])
      expect(Math.abs(above(mdlm(64), mdlm(steps)))).toBeLessThan(2);
    for (const label of REMASKING) {
      const values = STEPS.map((steps) => perplexity(at(label, steps)).value);
      expect(values).toEqual([...values].sort((a, b) => b - a));
      const last = perplexity(at(label, 512));
      expect(above(perplexity(at(label, TOKENS)), last)).toBeGreaterThan(3);
      expect(above(mdlm(512), last)).toBeGreaterThan(4);
    }
  });

  it("not only because of more calls", () => {
    const [mdlm, cap] = [at("mdlm", 4 * TOKENS), at("remdm-cap", TOKENS)];
    expect(cap.forwardCalls / mdlm.forwardCalls).toBeLessThan(1.1);
    expect(above(perplexity(mdlm), perplexity(cap))).toBeGreaterThan(3);
  });

  it("known words say the same", () => {
    const shares = labelled("mdlm").slice(2).map(words);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.005);
    for (const label of REMASKING) {
      expect(words(at(label, 512)) - words(at(label, 64))).toBeGreaterThan(0.025);
    }
    const most = results.filter((result) => words(result) > 0.9).map(({ cell }) => cell);
    expect(most).toEqual([at("remdm-cap", 512).cell]);
  });

  it("the other correctors", () => {
    for (const steps of STEPS) {
      expect(above(perplexity(at("mdlm", steps)), perplexity(at("fb", steps)))).toBeGreaterThan(2);
    }
    for (const [label, first] of [
      ["fb", 64],
      ["remdm-conf", TOKENS],
    ] as const) {
      const change = above(perplexity(at(label, first)), perplexity(at(label, 512)));
      expect(Math.abs(change)).toBeLessThan(2);
    }
    for (const steps of STEPS.filter((some) => some <= TOKENS)) {
      const others = diffusion.filter((one) => one.steps === steps && one.label !== "dfm");
      const least = Math.min(...others.map((one) => perplexity(one).value));
      expect(perplexity(at("dfm", steps)).value).toBeLessThan(least);
      expect(at("dfm", steps).forwardCalls).toBeGreaterThan(at("remdm-cap", steps).forwardCalls);
    }
    expect(at("dfm", 16).forwardCalls).toBeGreaterThan(2 * at("remdm-cap", 16).forwardCalls);
    expect(above(perplexity(at("dfm", 512)), perplexity(at("remdm-cap", 512)))).toBeGreaterThan(2);
  });

  it("a part of it is bought", () => {
    for (const label of REMASKING) {
      const { references } = at(label, 512).evaluation;
      const real = measured(references?.entropy?.mean, references?.entropy?.standardError);
      const own = entropy(at(label, 512));
      expect(above(entropy(at(label, 16)), own)).toBeGreaterThan(2);
      expect(above(real, own)).toBeGreaterThan(2);
      expect(1 - own.value / real.value).toBeLessThan(0.05);
      const realPerplexity = measured(references?.genPpl?.value, references?.genPpl?.standardError);
      expect(above(realPerplexity, perplexity(at(label, 512)))).toBeGreaterThan(4);
    }
    expect(results.filter(({ evaluation }) => evaluation.collapse.collapsed)).toEqual([]);
  });

  it("MAUVE tells nothing here", () => {
    const mauve = ({ evaluation }: CellResult): number => Number(evaluation.mauve?.mean);
    const range = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
    const labels = [...new Set(diffusion.map(({ label }) => label))];
    const means = labels.map((label) => {
      const values = labelled(label).map(mauve);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    });
    expect(labels).toHaveLength(7);
    expect(range(labelled("mdlm").map(mauve))).toBeGreaterThan(1.5 * range(means));
    const best = [...results].sort((a, b) => mauve(b) - mauve(a))[0];
    const worst = [...results].sort((a, b) => words(a) - words(b))[0];
    const hardest = [...results].sort((a, b) => perplexity(b).value - perplexity(a).value)[0];
    expect([best, worst, hardest].map(({ cell }) => cell)).toEqual(
      [1, 2, 3].map(() => at("SEDD", 16).cell),
    );
    expect(Math.min(...[...diffusion, ...labelled("SEDD")].map(mauve))).toBeGreaterThan(0.85);
  });

  it("SEDD has no nucleus, and more of entropy and perplexity", () => {
    for (const steps of STEPS) {
      const [sedd, mdlm] = [at("SEDD", steps), at("mdlm", steps)];
      expect(sedd.topP).toBeNull();
      expect(above(perplexity(sedd), perplexity(mdlm))).toBeGreaterThan(4);
      expect(above(entropy(sedd), entropy(mdlm))).toBeGreaterThan(2);
    }
  });
});
