/**
 * docs/headline.md and what it shows: the results are those of the committed experiment, tables and
 * pictures follow from the results, and so does each statement of the page.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { writeCharts } from "../../src/experiment/outcomeFiles.ts";
import { describe as settingsOf } from "../../src/experiment/run/manifest.ts";
import { readExperiment } from "../../src/experiment/file/read.ts";
import { readResult, readTiming, type CellResult } from "../../src/experiment/run/results.ts";
import { tableOf } from "../../src/experiment/output/table.ts";
import { timingsOf } from "../../src/experiment/output/timings.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const docs = join(packageRoot, "docs");
const directory = join(docs, "headline");
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
const page = readFileSync(join(docs, "headline.md"), "utf8").replace(/\s+/g, " ");

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

describe("the page", () => {
  const targets = (pattern: RegExp): string[] =>
    [...page.matchAll(pattern)].map(({ groups }) => groups?.target ?? "");

  it("names the experiment, and shows every file that was made of it", () => {
    const command = "npx remdm experiment examples/experiment/headline.yaml --out headline";
    expect(page).toContain(command);
    const pictures = targets(/!\[[^\]]+\]\((?<target>[^)]+)\)/g);
    const charts = readdirSync(join(directory, "charts")).map((file) => `headline/charts/${file}`);
    expect(pictures.sort()).toEqual(charts.sort());
    const links = targets(/(?<!!)\[[^\]]+\]\((?<target>[^)]+)\)/g);
    for (const made of ["table.md", "timings.md", "results.jsonl"]) {
      expect(links).toContain(`headline/${made}`);
    }
    expect([...links, ...pictures].filter((target) => !existsSync(join(docs, target)))).toEqual([]);
  });

  it("gives each picture the title of its chart", () => {
    const shown = page.matchAll(/!\[(?<title>[^\]]+)\]\((?<file>[^)]+)\)/g);
    for (const { groups } of shown) {
      const svg = readFileSync(join(docs, groups?.file ?? ""), "utf8");
      expect(svg).toContain(`aria-label="${groups?.title}"`);
    }
  });

  it("gives the size of the experiment in numbers", () => {
    const number = (pattern: RegExp): number => Number(pattern.exec(page)?.[1]);
    const lengths = new Set(results.map(({ card }) => card.length));
    expect([...lengths]).toEqual([number(/samples have (\d+) tokens/)]);
    const counts = new Set(results.map(({ samples }) => samples));
    expect([...counts]).toEqual([number(/(\d+) samples each/)]);
    expect(page).toContain("from an eighth as many steps as tokens to four times as many");
    const [length] = lengths;
    const steps = results.flatMap((result) => result.steps ?? []);
    expect([Math.min(...steps), Math.max(...steps)]).toEqual([length / 8, length * 4]);
    const judges = new Set(results.map(({ judge }) => judge?.name));
    expect([...judges]).toEqual([/The judge is `([^`]+)`/.exec(page)?.[1]]);
  });
});

describe("each statement of the page", () => {
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

  const held: string[] = [];
  /**
   * Holds the results to a statement. @param lead in bold, where the page has one.
   * @param words of the page, which `check` tries.
   */
  function statement(lead: string | undefined, words: readonly string[], check: () => void): void {
    if (lead !== undefined) held.push(lead);
    it(lead ?? words[0], () => {
      expect(page).toContain(lead ?? "");
      for (const some of words) expect(page).toContain(some);
      check();
    });
  }

  it("is tried here", () => {
    const leads = [...page.matchAll(/- \*\*([^*]+)\*\*/g)].map(([, lead]) => lead);
    expect(held).toEqual(leads);
  });

  statement(
    "MDLM stops, remasking goes on.",
    [
      "From half as many steps as tokens on, MDLM's perplexity stays where it is, within its error",
      "falls with every doubling of the steps",
      "at the end it is far below MDLM's",
    ],
    () => {
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
    },
  );

  statement(
    "Not only because of more calls.",
    [
      "makes about as many calls as `remdm-cap` with one step a token; `remdm-cap` has the lower perplexity",
    ],
    () => {
      const [mdlm, cap] = [at("mdlm", 4 * TOKENS), at("remdm-cap", TOKENS)];
      expect(cap.forwardCalls / mdlm.forwardCalls).toBeLessThan(1.1);
      expect(above(perplexity(mdlm), perplexity(cap))).toBeGreaterThan(3);
    },
  );

  statement(
    "Known words, which no model judges, say the same.",
    [
      "They stay where they are for MDLM and grow for cap, rescale and loop",
      "`remdm-cap` with the most steps is the only sampler of which more than nine in ten are words",
    ],
    () => {
      const shares = labelled("mdlm").slice(2).map(words);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(0.005);
      for (const label of REMASKING) {
        expect(words(at(label, 512)) - words(at(label, 64))).toBeGreaterThan(0.025);
      }
      const most = results.filter((result) => words(result) > 0.9).map(({ cell }) => cell);
      expect(most).toEqual([at("remdm-cap", 512).cell]);
    },
  );

  statement(
    "The other correctors.",
    [
      "`fb` is below MDLM at every number of steps and stops where MDLM stops",
      "`dfm` is the best up to one step a token, with more calls than the others",
      "with four, `remdm-cap` has passed it",
      "`remdm-conf` gains little, and nothing beyond one step a token",
    ],
    () => {
      for (const steps of STEPS) {
        expect(above(perplexity(at("mdlm", steps)), perplexity(at("fb", steps)))).toBeGreaterThan(
          2,
        );
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
      expect(above(perplexity(at("dfm", 512)), perplexity(at("remdm-cap", 512)))).toBeGreaterThan(
        2,
      );
    },
  );

  statement(
    "A part of it is bought.",
    [
      "for cap, rescale and loop it ends below real text's, by less than the twentieth",
      "nothing counts as collapsed",
      "Their perplexity ends well below real text's",
    ],
    () => {
      for (const label of REMASKING) {
        const { references } = at(label, 512).evaluation;
        const real = measured(references?.entropy?.mean, references?.entropy?.standardError);
        const own = entropy(at(label, 512));
        expect(above(entropy(at(label, 16)), own)).toBeGreaterThan(2);
        expect(above(real, own)).toBeGreaterThan(2);
        expect(1 - own.value / real.value).toBeLessThan(0.05);
        const realPerplexity = measured(
          references?.genPpl?.value,
          references?.genPpl?.standardError,
        );
        expect(above(realPerplexity, perplexity(at(label, 512)))).toBeGreaterThan(4);
      }
      expect(results.filter(({ evaluation }) => evaluation.collapse.collapsed)).toEqual([]);
    },
  );

  statement(
    "The paper's own headline, MAUVE growing with steps, is neither shown nor refuted.",
    [
      "MAUVE is high for every diffusion model here",
      "that of MDLM alone differs more from one number of steps to another than the strategies differ in the mean",
      "the highest of all is that of the worst text, SEDD's with the fewest steps",
    ],
    () => {
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
    },
  );

  statement(
    undefined,
    [
      "SEDD has no nucleus, as in the original: its higher entropy and perplexity do not compare with the rest",
    ],
    () => {
      for (const steps of STEPS) {
        const [sedd, mdlm] = [at("SEDD", steps), at("mdlm", steps)];
        expect(sedd.topP).toBeNull();
        expect(above(perplexity(sedd), perplexity(mdlm))).toBeGreaterThan(4);
        expect(above(entropy(sedd), entropy(mdlm))).toBeGreaterThan(2);
      }
    },
  );
});
