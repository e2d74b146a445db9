/** Charts: axes that fit, grids that match, labels that do not touch, on light and dark paper, wide and narrow. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { chartsOf } from "../../../src/experiment/report/charts/chartsOf.ts";
import { standalone, type Chart } from "../../../src/experiment/report/charts/drawing.ts";
import {
  besidePoints,
  overlaps,
  roomy,
  spread,
  widthOf,
  type Box,
} from "../../../src/experiment/report/charts/labels.ts";
import { drawLines } from "../../../src/experiment/report/charts/lineChart.ts";
import {
  ALARM,
  darkCharts,
  HOVER,
  HUES,
  INK,
  LINK,
  PAPER,
  QUIET,
} from "../../../src/experiment/report/charts/palette.ts";
import { readResult, type CellResult } from "../../../src/experiment/run/results.ts";
import { linearTicks, logTicks } from "../../../src/experiment/report/charts/ticks.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

const results = readFileSync(join(packageRoot, "docs", "headline", "results.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): CellResult => readResult(JSON.parse(line)));
const charts: readonly Chart[] = await chartsOf(results);

const chart = (file: string): Chart => {
  const found = charts.find((one) => one.file === file);
  if (found === undefined) throw new Error(`there is no chart ${file}`);
  return found;
};

/** The attributes of each element of a name, and the text in it. */
function elements(svg: string, name: string): Record<string, string>[] {
  return [...svg.matchAll(new RegExp(`<${name}\\b([^>]*?)/?>([^<]*)`, "g"))].map(
    ([, attributes, text]) => ({
      ...Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
      text,
    }),
  );
}

/** Where Plot draws ticks at the left of the frame, and the lines of the grid. */
function levels(svg: string): { readonly ticks: number[]; readonly grid: number[] } {
  const ticks = elements(svg, "path").filter(({ d }) => d === "M0,0L-6,0");
  const gridOf = /<g [^>]*stroke-opacity="0\.12"[^>]*>(.*?)<\/g>/s.exec(svg)?.[1] ?? "";
  return {
    ticks: ticks.map(({ transform }) => Number(/,([\d.]+)\)/.exec(transform)?.[1])),
    grid: elements(gridOf, "line").map(({ y1 }) => Number(y1)),
  };
}

/** What Plot writes at the left of the frame. */
function numbersUp(svg: string): string[] {
  const axis = /<g [^>]*text-anchor="end"[^>]*>(.*?)<\/g>/s.exec(svg)?.[1] ?? "";
  return elements(axis, "text").map(({ text }) => text);
}

const drawings = charts.flatMap(({ file, wide, narrow }) => [
  { file, kind: "wide", ...wide },
  { file, kind: "narrow", ...narrow },
]);

describe("axes", () => {
  it("MAUVE's fits the data, and its ticks say its range", () => {
    const { svg } = chart("mauve-by-steps").wide;
    expect(numbersUp(svg)).toEqual(["0.80", "0.85", "0.90", "0.95", "1.00"]);
  });

  it.each(drawings)("the grid of $file ($kind) is where its ticks are", ({ svg }) => {
    const { ticks, grid } = levels(svg);
    expect(ticks.length).toBeGreaterThanOrEqual(5);
    expect(grid).toEqual(ticks);
  });

  it("entropy's has a line for each of its numbers", () => {
    const { svg } = chart("entropy-by-steps").wide;
    expect(numbersUp(svg)).toEqual(["3.95", "4.00", "4.05", "4.10", "4.15", "4.20", "4.25"]);
    expect(levels(svg).grid).toHaveLength(7);
  });

  it.each([
    [0.841, 0.989, [0, 1], [0.84, 0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1], 8],
    [0.9, 1, [0, 1], [0.9, 0.92, 0.94, 0.96, 0.98, 1], 6],
    [3.95, 4.22, [0, Infinity], [3.95, 4, 4.05, 4.1, 4.15, 4.2, 4.25], 6],
    [5, 5, [0, Infinity], [5, 6], 6],
    [1, 1, [0, 1], [0.8, 1], 6],
    [0, 0, [0, Infinity], [0, 0.2], 6],
  ] as const)("from %d to %d within %j", (least, most, bounds, expected, count) => {
    const { ticks, domain } = linearTicks(least, most, bounds, count);
    expect(ticks[0]).toBe(expected[0]);
    expect(domain).toEqual([ticks[0], ticks.at(-1)]);
    expect(domain[0]).toBeLessThanOrEqual(least);
    expect(domain[1]).toBeGreaterThanOrEqual(most);
    expect(domain[1]).toBeLessThanOrEqual(bounds[1]);
    if (expected.length > 2) expect(ticks).toEqual(expected);
  });

  it("end the bars of errors that reach beyond what a measure can be", async () => {
    const points = [8, 16].map((steps) => ({
      steps,
      value: 0.9,
      low: 0.8,
      high: 1.1,
      collapsed: false,
    }));
    const metric = { file: "f", title: "t", axis: "a", from: () => undefined, most: 1 };
    const { wide } = await drawLines(metric, [{ name: "mdlm", points }], undefined);
    const bars = elements(wide.svg, "path").flatMap(
      ({ d }) => /^M76,([\d.]+)L76,([\d.]+)$/.exec(d) ?? [],
    );
    expect(bars.slice(1).map(Number)).toEqual([352, 16]); // the frame's lower and upper edge
  });

  it("logarithmic ones have round numbers within the data", () => {
    expect(logTicks(38, 400).ticks).toEqual([40, 60, 80, 100, 200, 300, 400]);
    expect(logTicks(1, 100_000).ticks).toHaveLength(16);
    expect(logTicks(3, 3).ticks).toEqual([3]);
  });
});

/** Texts that are placed in pixels, as boxes. */
function labels(svg: string): (Box & { readonly text: string })[] {
  const placed = elements(svg, "text").filter((one) => "x" in one);
  return placed.map((one) => {
    const size = Number(one["font-size"]);
    const [width, height] = [widthOf(one.text, size), size];
    const x = Number(one.x) + (one["text-anchor"] === "start" ? width / 2 : 0);
    return { x, y: Number(one.y), width, height, text: one.text };
  });
}

describe("labels", () => {
  it.each(drawings)("of $file ($kind) touch no other and stay inside", ({ svg, width, height }) => {
    const all = labels(svg);
    expect(all.length).toBeGreaterThan(8);
    const touching = all.flatMap((a, i) =>
      all.slice(i + 1).flatMap((b) => (overlaps(a, b) ? [`${a.text} and ${b.text}`] : [])),
    );
    expect(touching).toEqual([]);
    const out = all.filter(
      (one) => one.x + one.width / 2 > width || one.x - one.width / 2 < 0 || one.y + 4 > height,
    );
    expect(out).toEqual([]);
  });

  it("of as many lines as there may be have room: the chart grows", async () => {
    const points = [8, 16].map((steps) => ({ steps, value: 5, low: 5, high: 5, collapsed: false }));
    const series = Array.from({ length: 60 }, (_, i) => ({ name: `line ${i}`, points }));
    const metric = { file: "f", title: "t", axis: "a", from: () => undefined };
    const { wide, narrow } = await drawLines(metric, series, 5);
    for (const { svg, height } of [wide, narrow]) {
      const named = labels(svg).filter(({ text }) => text.startsWith("line"));
      expect(named).toHaveLength(60);
      expect(named.some((a, i) => named.slice(i + 1).some((b) => overlaps(a, b)))).toBe(false);
      expect(Math.max(...named.map(({ y }) => y))).toBeLessThan(height);
    }
  });

  it.each([
    ["remdm-rescale+conf+loop, eta 0.045", true],
    ["a label that somebody wrote out at such length that no telephone shows it whole", false],
  ])("are inside though long: %s", async (name, whole) => {
    const points = [8, 16].map((steps) => ({ steps, value: 5, low: 5, high: 5, collapsed: false }));
    const metric = { file: "f", title: "t", axis: "a", from: () => undefined };
    const { wide, narrow } = await drawLines(metric, [{ name, points }], undefined);
    for (const { svg, width } of [wide, narrow]) {
      for (const label of labels(svg)) expect(label.x + label.width / 2).toBeLessThanOrEqual(width);
    }
    expect(wide.svg).toContain(`>${name}</text>`);
    expect(narrow.svg.includes(`>${name}</text>`)).toBe(whole);
    expect(narrow.svg).toContain(`>${name.slice(0, 30)}`);
  });

  it("beside points avoid each other, the dots and the edge, and are left out where there is no place", () => {
    const size = { width: 20, height: 10 };
    const crowd = Array.from({ length: 12 }, (_, i) => ({ ...size, x: 100 + i, y: 100 }));
    const dots = crowd.map(({ x, y }) => ({ x, y, width: 9, height: 9 }));
    const bounds = { x: 100, y: 100, width: 400, height: 400 };
    const placed = besidePoints(crowd, dots, bounds).filter((box) => box !== undefined);
    expect(placed).toHaveLength(12);
    for (const [i, a] of placed.entries()) {
      expect([...dots, ...placed.slice(i + 1)].some((b) => overlaps(a, b))).toBe(false);
    }
    expect(besidePoints(crowd, dots, { x: 100, y: 100, width: 30, height: 30 })).toEqual(
      crowd.map(() => undefined),
    );
    const [alone] = besidePoints([{ ...size, x: 50, y: 50 }], [], bounds);
    expect(alone).toEqual({ ...size, x: 50, y: 39 }); // above
  });

  it("of a row are thinned until none touch; the last one stays", () => {
    const thinned = (places: readonly number[], size: number) =>
      roomy(
        places,
        (place) => place,
        () => size,
      );
    expect(thinned([0, 10, 20, 30, 40], 10)).toEqual([0, 20, 40]);
    expect(thinned([0, 10, 20, 30], 10)).toEqual([0, 30]);
    expect(thinned([0, 5], 10)).toEqual([5]);
    expect(thinned([0, 100], 10)).toEqual([0, 100]);
    expect(thinned([], 10)).toEqual([]);
  });

  it("at the ends of lines are spread in their order", () => {
    const places = spread([50, 50, 50], 15, 0, 400);
    expect([...places].sort((a, b) => a - b)).toEqual([35, 50, 65]);
  });
});

/** WCAG 2.2: relative luminances, the lighter over the darker. */
function contrast(a: string, b: string): number {
  const [lighter, darker] = [a, b]
    .map((colour) => {
      const [r, g, b] = [1, 3, 5].map((at) => {
        const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
        return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    })
    .sort((x, y) => y - x);
  return (lighter + 0.05) / (darker + 0.05);
}

describe.each(["light", "dark"] as const)("on %s paper", (scheme) => {
  const on = PAPER[scheme];

  it("writing has a contrast of 4.5, lines of 3", () => {
    expect(contrast("#ffffff", "#000000")).toBeCloseTo(21, 9);
    for (const tone of [INK, QUIET, ALARM, LINK, ...HUES.map(({ ink }) => ink)]) {
      expect(contrast(tone[scheme], on)).toBeGreaterThanOrEqual(4.5);
    }
    for (const { line } of HUES) expect(contrast(line[scheme], on)).toBeGreaterThanOrEqual(3);
    for (const tone of [INK, ALARM]) {
      expect(contrast(tone[scheme], HOVER[scheme])).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe("dark paper", () => {
  it.each(charts)("repaints every colour of $file", (one) => {
    const [style, svg] = [darkCharts(), standalone(one)];
    expect(svg).toContain(style);
    const used = new Set(
      [...svg.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, colour]) => colour),
    );
    used.delete("none");
    expect(used.size).toBeGreaterThan(9);
    for (const colour of used) {
      expect(style).toContain(`[fill="${colour}"]{fill:#`);
      expect(style).toContain(`[stroke="${colour}"]{stroke:#`);
    }
  });
});

it("a file has a title, notes and a frame around all of it; nobody hears its groups one by one", () => {
  const svg = standalone(chart("mauve-by-perplexity"));
  const [tag] = /<svg[^>]*>/.exec(svg) ?? [""];
  expect(tag).toContain('role="img" aria-label="MAUVE against generative perplexity"');
  const [, x, y, width, height] = / viewBox="(\S+) (\S+) (\S+) (\S+)"/.exec(tag)?.map(Number) ?? [];
  expect(tag).toContain(` height="${height}"`);
  expect([x, width]).toEqual([0, 820]);
  for (const label of labels(svg)) {
    expect(label.y).toBeGreaterThan(y);
    expect(label.y).toBeLessThan(y + height);
  }
  expect(svg).not.toMatch(/<g[^>]* aria-/);
  expect(svg.match(/aria-label/g)).toHaveLength(1);
});
