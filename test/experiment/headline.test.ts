/** The committed headline: it is of the committed file, nothing in it was typed by hand, and what docs/headline.md says of it is so. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { writeCharts } from "../../src/experiment/charts.ts";
import { describe as settingsOf } from "../../src/experiment/manifest.ts";
import { readExperiment } from "../../src/experiment/read.ts";
import { readResult } from "../../src/experiment/results.ts";
import { tableOf } from "../../src/experiment/table.ts";
import { readTiming, timingsOf } from "../../src/experiment/timings.ts";
import { packageRoot } from "../../src/packageRoot.ts";

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
    for (const [file, svg] of charts) expect(text(file)).toBe(svg);
  });
});
