/** The entrance: an experiment, an output directory, and everything in between. */
import { resolve } from "node:path";
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  checkSignal,
  checkText,
} from "../foundation/checks.ts";
import { OutputDirectory } from "./run/directory.ts";
import { manifestOf } from "./run/manifest.ts";
import { OutcomeFiles } from "./outcomeFiles.ts";
import { readingOf, type ExperimentProgress } from "./run/progress.ts";
import { readExperiment, resolveExperiment, type Experiment } from "./file/read.ts";
import type { CellResult } from "./run/results.ts";
import { Runner } from "./run/runner.ts";
import type { Services } from "./run/services.ts";
import { tableOf } from "./output/table.ts";
import type { ExperimentFile } from "./file/types.ts";

export interface ExperimentOptions {
  /** Output directory; made where there is none, gone on with where it holds the same experiment. */
  readonly out: string;
  /** Each cell also in the original repository's format, `original/CELL.json`. Default false. */
  readonly original?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExperimentProgress) => void;
  /** Told before sampling what cannot be computed and is going to be left out, and what to do about it. */
  readonly onNote?: (note: string) => void;
}

const KEYS: Readonly<Record<keyof ExperimentOptions, true>> = {
  out: true,
  original: true,
  signal: true,
  onProgress: true,
  onNote: true,
};

export interface ExperimentOutcome {
  /** In the order of the experiment. */
  readonly results: readonly CellResult[];
  /** Markdown, as in `table.md`. */
  readonly table: string;
  /** Absolute. */
  readonly out: string;
}

/**
 * Samples and evaluates every cell that is not done yet. Whatever ends it, a kill included, what is finished is on the
 * disk, to the sample; calling it again goes on from there, and the results are those of one undisturbed run.
 * @param experiment the path of a YAML or JSON file, or what would stand in one; relative paths in the latter start
 * from the working directory.
 * @throws OptionError; ExperimentError experiment_invalid before anything starts, experiment_busy, experiment_differs; AbortedError;
 * InputError for a text that cannot be read; RemdmError output_failed; what the models and the judge throw.
 */
export async function runExperiment(
  experiment: ExperimentFile | string,
  options: ExperimentOptions,
): Promise<ExperimentOutcome> {
  checkOptions("runExperiment", options, KEYS);
  checkText("out", options.out, "the path of a directory");
  if (options.original !== undefined) checkBoolean("original", options.original);
  checkFunction("onProgress", options.onProgress);
  checkFunction("onNote", options.onNote);
  checkSignal(options.signal);
  const resolved =
    typeof experiment === "string" ? readExperiment(experiment) : resolveExperiment(experiment);
  const { realServices } = await import("./run/realServices.ts");
  return runResolved(resolved, options, realServices());
}

/** {@link runExperiment} of an experiment that was read already. */
export async function runResolved(
  experiment: Experiment,
  {
    out,
    signal,
    onProgress = () => undefined,
    onNote = () => undefined,
    original = false,
  }: ExperimentOptions,
  services: Services,
): Promise<ExperimentOutcome> {
  const { name, cells } = experiment;
  services.check(experiment);
  using directory = new OutputDirectory(resolve(out));
  const onFile = (path: string): void => onProgress(readingOf(experiment, path));
  directory.begin(await manifestOf(experiment, services.version, { signal, onFile }));
  const outcome = new OutcomeFiles(directory, experiment, original);
  await using runner = new Runner(experiment, directory, services, {
    signal,
    onProgress,
    onNote,
    onCell: () => outcome.write(),
  });
  await runner.run();
  await outcome.write({ isLast: true });
  const results = directory.order(cells);
  return { results, table: tableOf(name, results), out: directory.path };
}
