/**
 * Writes the files that people read while an experiment goes on: the tables after every cell,
 * charts and report every half minute.
 */
import { chartsOf } from "./report/charts/chartsOf.ts";
import { standalone } from "./report/charts/drawing.ts";
import { reportOf } from "./report/page.ts";
import type { CellResult } from "./run/results.ts";
import type { OutputDirectory } from "./run/directory.ts";
import { writeOriginal } from "./output/originals.ts";
import type { Experiment } from "./file/read.ts";
import { tableOf } from "./output/table.ts";
import { timingsOf } from "./output/timings.ts";

/** Pause between two drawings: drawing takes a moment, and cells may be quick. */
const CHARTS_EVERY_MS = 30_000;

export class OutcomeFiles {
  readonly #directory: OutputDirectory;
  readonly #experiment: Experiment;
  readonly #original: boolean;
  readonly #now: () => number;
  readonly #originals = new Set<string>();
  #drawnAt: number;

  /**
   * @param original whether each cell is also written in the original's format.
   * @param now a clock, in milliseconds.
   */
  constructor(
    directory: OutputDirectory,
    experiment: Experiment,
    original: boolean,
    now: () => number = () => performance.now(),
  ) {
    this.#directory = directory;
    this.#experiment = experiment;
    this.#original = original;
    this.#now = now;
    this.#drawnAt = now();
  }

  /** Writes what is due; with `isLast` everything. @throws RemdmError output_failed. */
  async write({ isLast = false }: { readonly isLast?: boolean } = {}): Promise<void> {
    const { name, cells } = this.#experiment;
    const results = this.#directory.order(cells);
    this.#directory.write("table.md", tableOf(name, results));
    this.#directory.write("timings.md", timingsOf(name, results, this.#directory.timings));
    for (const result of this.#original ? results : []) {
      if (this.#originals.has(result.cell)) continue;
      writeOriginal(this.#directory.path, result);
      this.#originals.add(result.cell);
    }
    if (!isLast && this.#now() - this.#drawnAt < CHARTS_EVERY_MS) return;
    await writeCharts(this.#directory, name, results);
    this.#drawnAt = this.#now();
  }
}

/**
 * Writes each chart as a file of its own, `charts/*.svg`, and all of them into `report.html`.
 * @throws RemdmError output_failed.
 */
export async function writeCharts(
  directory: Pick<OutputDirectory, "write">,
  name: string,
  results: readonly CellResult[],
): Promise<void> {
  const charts = await chartsOf(results);
  for (const chart of charts) directory.write(`charts/${chart.file}.svg`, standalone(chart));
  directory.write("report.html", reportOf(name, results, charts));
}
