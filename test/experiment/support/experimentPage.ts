/** A page of docs/ on an experiment of examples/experiment/, held to the results beside it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { describe as settingsOf } from "../../../src/experiment/run/manifest.ts";
import { readExperiment } from "../../../src/experiment/file/read.ts";
import { writeCharts } from "../../../src/experiment/outcomeFiles.ts";
import { tableOf } from "../../../src/experiment/output/table.ts";
import { timingsOf } from "../../../src/experiment/output/timings.ts";
import { readResult, readTiming, type CellResult } from "../../../src/experiment/run/results.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

const docs = join(packageRoot, "docs");

export interface Measured {
  readonly value: number;
  readonly error: number;
}

const measured = (value: unknown, error: unknown): Measured => ({
  value: Number(value),
  error: Number(error),
});

export const perplexity = ({ evaluation: { genPpl } }: CellResult): Measured =>
  measured(genPpl?.value, genPpl?.standardError);
export const entropy = ({ evaluation: { entropy: own } }: CellResult): Measured =>
  measured(own.mean, own.standardError);
export const words = ({ evaluation }: CellResult): number => Number(evaluation.knownWords);
/** Of real text, as the cell was compared with it. */
export const ofReal = ({ evaluation: { references } }: CellResult) => ({
  entropy: measured(references?.entropy?.mean, references?.entropy?.standardError),
  perplexity: measured(references?.genPpl?.value, references?.genPpl?.standardError),
});
/** In standard errors of both: positive where the first is higher. */
export const above = (a: Measured, b: Measured): number =>
  (a.value - b.value) / Math.hypot(a.error, b.error);

export class ExperimentPage {
  readonly #experiment: string;
  readonly #directory: string;
  readonly page: string;
  readonly results: readonly CellResult[];
  /** The leads of the statements that were tried. */
  readonly #held: string[] = [];

  /**
   * @param experiment the name of the file in examples/experiment/.
   * @param page the page, and where its files lie, in docs/.
   */
  constructor(experiment: string, page: string, directory: string) {
    this.#experiment = experiment;
    this.#directory = directory;
    this.page = readFileSync(join(docs, page), "utf8").replace(/\s+/g, " ");
    this.results = this.#lines("results.jsonl", readResult);
  }

  at(label: string, steps: number | null): CellResult {
    const found = this.results.find((one) => one.label === label && one.steps === steps);
    if (found === undefined) throw new Error(`${label} has no ${steps} steps`);
    return found;
  }

  labelled(label: string): CellResult[] {
    return this.results.filter((result) => result.label === label);
  }

  /**
   * Holds the results to a statement. @param lead in bold, where the page has one.
   * @param said words of the page, which `check` tries.
   */
  statement(lead: string | undefined, said: readonly string[], check: () => void): void {
    if (lead !== undefined) this.#held.push(lead);
    it(lead ?? said[0], () => {
      expect(this.page).toContain(lead ?? "");
      for (const some of said) expect(this.page).toContain(some);
      check();
    });
  }

  /** Sees to it that each statement with a lead in bold is tried; called after all of them. */
  everyLeadIsTried(): void {
    it("is tried here", () => {
      const leads = [...this.page.matchAll(/- \*\*([^*]+)\*\*/g)].map(([, lead]) => lead);
      expect(this.#held).toEqual(leads);
    });
  }

  /** Results are those of the committed experiment; tables and pictures follow from them. */
  describeFiles(): void {
    const file = `${this.#experiment}.yaml`;
    const { name, cells } = readExperiment(join(packageRoot, "examples", "experiment", file));
    const { results, page } = this;
    describe(`the results of ${name}`, () => {
      it("has every cell of the experiment, made with its settings, of 128 samples at least", () => {
        // As JSON has them.
        const expected = JSON.parse(
          JSON.stringify(cells.map((cell) => ({ cell: cell.id, settings: settingsOf(cell) }))),
        ) as unknown;
        expect(results.map(({ cell, settings }) => ({ cell, settings }))).toEqual(expected);
        expect(Math.min(...results.map(({ samples }) => samples))).toBeGreaterThanOrEqual(128);
      });

      it("has the table and the times that follow from its results", () => {
        const timings = this.#lines("timings.jsonl", readTiming);
        expect(this.#text("table.md")).toBe(tableOf(name, results));
        expect(this.#text("timings.md")).toBe(timingsOf(name, results, timings));
      });

      it("has the charts that follow from its results", async () => {
        const charts = new Map<string, string>();
        const write = (made: string, contents: string): void => void charts.set(made, contents);
        await writeCharts({ write }, name, results);
        charts.delete("report.html"); // it holds table and charts once more
        expect(charts.size).toBe(5);
        const others = [...charts].filter(([made, svg]) => this.#text(made) !== svg);
        expect(others.map(([made]) => made)).toEqual([]);
      });
    });

    describe("the page", () => {
      const targets = (pattern: RegExp): string[] =>
        [...page.matchAll(pattern)].map(({ groups }) => groups?.target ?? "");

      it("names the experiment, and shows every file that was made of it", () => {
        const command = `npx remdm experiment examples/experiment/${file} --out ${name}`;
        expect(page).toContain(command);
        const pictures = targets(/!\[[^\]]+\]\((?<target>[^)]+)\)/g);
        const charts = readdirSync(join(docs, this.#directory, "charts"));
        const places = charts.map((chart) => `${this.#directory}/charts/${chart}`);
        expect(pictures.sort()).toEqual(places.sort());
        const links = targets(/(?<!!)\[[^\]]+\]\((?<target>[^)]+)\)/g);
        for (const made of ["table.md", "timings.md", "results.jsonl"]) {
          expect(links).toContain(`${this.#directory}/${made}`);
        }
        const all = [...links, ...pictures].map((target) => target.replace(/#.*/, ""));
        expect(all.filter((target) => !existsSync(join(docs, target)))).toEqual([]);
      });

      it("gives each picture the title of its chart", () => {
        for (const { groups } of page.matchAll(/!\[(?<title>[^\]]+)\]\((?<file>[^)]+)\)/g)) {
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
        const judges = new Set(results.map(({ judge }) => judge?.name));
        expect([...judges]).toEqual([/[Tt]he judge is `([^`]+)`/.exec(page)?.[1]]);
      });
    });
  }

  #text(name: string): string {
    return readFileSync(join(docs, this.#directory, name), "utf8");
  }

  #lines<T>(name: string, read: (value: unknown) => T): T[] {
    return this.#text(name)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => read(JSON.parse(line)));
  }
}
