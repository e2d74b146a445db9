/** `report.html`: what a reader of a screen, a phone, and a reader of samples finds in it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { chartsOf } from "../../../src/experiment/report/charts/chartsOf.ts";
import { reportOf } from "../../../src/experiment/report/page.ts";
import {
  EXAMPLE_LENGTH,
  firstCharacters,
  readResult,
  resultOf,
  type CellResult,
  type ExampleText,
} from "../../../src/experiment/run/results.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

const all = readFileSync(join(packageRoot, "docs", "headline", "results.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): CellResult => readResult(JSON.parse(line)));
const bare = all.slice(0, 4).map((result) => ({ ...result, label: `a<b "${result.label}"` }));
const withTexts = (...examples: ExampleText[]): CellResult[] =>
  bare.map((result, i) => (i === 0 ? { ...result, examples } : result));

async function report(results: readonly CellResult[] = bare): Promise<string> {
  return reportOf("a & b", results, await chartsOf(results));
}

describe("the page", () => {
  it("says its language, its title, that it fits a phone, and loads nothing", async () => {
    const html = await report();
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">\n<head>/);
    expect(html).toContain("<title>a &amp; b</title>");
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    expect(html).not.toMatch(/<script|<link|src=|@import|url\(|https?:/);
  });

  it("has one landmark, which holds everything, and headings in order", async () => {
    const html = await report(withTexts({ sample: 0, text: "a" }));
    expect(html.match(/<main>/g)).toHaveLength(1);
    expect(html).toMatch(/<body>\n<main>[^]*<\/main>\n<\/body>\n<\/html>\n$/);
    const levels = [...html.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    expect(levels.filter((level) => level === 2)).toHaveLength(3);
    levels.forEach((level, i) => {
      if (i > 0) expect(level - levels[i - 1]).toBeLessThanOrEqual(1);
    });
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of html.matchAll(/aria-labelledby="([^"]+)"/g)) expect(ids).toContain(id);
  });

  it("has charts with names, and nothing named inside them", async () => {
    const html = await report();
    const svgs = html.match(/<svg [^>]*>/g) ?? [];
    expect(svgs).toHaveLength(10); // five charts, wide and narrow
    for (const svg of svgs) expect(svg).toMatch(/role="img" aria-label="Chart: [^"]+ numbers\."/);
    expect(html).not.toMatch(/<(g|path|text|line)\b[^>]* aria-/);
  });

  it("has a table with a caption and headers of columns and rows, that scrolls by itself and by keyboard", async () => {
    const html = await report();
    expect(html).toContain(
      '<div class="table" role="region" aria-label="Results" tabindex="0"><table>',
    );
    expect(html).toMatch(/\.table \{ overflow-x: auto; \}/);
    expect(html).toContain("<caption>Every cell and its measures</caption>");
    const headers = html.match(/<th\b[^>]*>/g) ?? [];
    for (const header of headers) expect(header).toMatch(/scope="(col|row)"/);
    expect(html.match(/<th scope="row"/g)).toHaveLength(bare.length);
    expect(html).toContain("a&lt;b &quot;mdlm&quot;");
  });

  it("has one chart of each pair on a screen of any width, and colours for dark paper", async () => {
    const html = await report();
    expect(html.match(/<div class="wide">/g)).toHaveLength(5);
    expect(html.match(/<div class="narrow">/g)).toHaveLength(5);
    expect(html).toContain(".narrow { display: none; }");
    expect(html).toMatch(
      /@media \(max-width: 700px\) \{[^]*\.wide \{ display: none; \} \.narrow \{ display: block;/,
    );
    expect(html).toContain(":root { color-scheme: light dark;");
    expect(html).toMatch(/@media \(prefers-color-scheme: dark\) \{ :root \{ --paper: #15181d;/);
  });
});

describe("samples", () => {
  it("are read in the report: escaped, with their line ends, and where all of them are", async () => {
    const html = await report(withTexts({ sample: 2, text: "\nRomeo: <b>&\r\nthe \0end" }));
    expect(html).toContain("<p>Sample 3, 22 characters</p>");
    // HTML drops the first line end of a <pre>, and has no place for a NUL.
    expect(html).toContain("<pre>\n\nRomeo: &lt;b&gt;&amp;\nthe \ufffdend</pre>");
    const file = `samples/${bare[0].cell}.jsonl`;
    expect(html).toContain(`<p>All 128: <a href="${file}">${file}</a>.</p>`);
  });

  it("are cut where they are long, with a way to see them whole", async () => {
    const text = `${"word ".repeat(100)}the very end`;
    const html = await report(withTexts({ sample: 0, text }));
    expect(html).toContain(`<pre>${"word ".repeat(80)} …</pre>`);
    expect(html).toContain(`<summary>Sample 1, whole</summary>\n<pre>${text}</pre>`);
    expect(html).not.toContain("in the file alone");
    const cut = await report(withTexts({ sample: 0, text, cut: 1500 }));
    expect(cut).toContain("<p>Sample 1, 2,012 characters</p>");
    expect(cut).toContain("<p>The last 1,500 characters are in the file alone.</p>");
  });

  it("are left out where results of an earlier version have none", async () => {
    expect(await report()).not.toContain("Samples");
  });

  it("stand in the JSON of results: the first three, cut where they are endless", () => {
    const models = [{ checkpoint: "demo", strategies: ["mdlm"] }];
    const [cell] = resolveExperiment({ name: "x", samples: 4, steps: 4, models }).cells;
    const long = `${"x".repeat(EXAMPLE_LENGTH - 1)}\u{1f600}${"y".repeat(50)}`;
    const samples = ["one", long, "three", "four"].map((text, sample) => {
      return { sample, text, tokens: [1], forwardCalls: 1 };
    });
    const card = { kind: "mdlm", parameters: 1, vocabSize: 2, length: 8, weights: "ema" };
    const { examples } = resultOf(cell, card as never, samples, {} as never, undefined);
    expect(examples).toEqual([
      { sample: 0, text: "one" },
      // No half of a character is left.
      { sample: 1, text: "x".repeat(EXAMPLE_LENGTH - 1), cut: 52 },
      { sample: 2, text: "three" },
    ]);
    expect(firstCharacters("a\u{1f600}b", 3)).toBe("a\u{1f600}");
  });
});
