/** The entrance of the room: runs an experiment into an output directory. */
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
import { openExperiment } from "./file/open.ts";
import type { Experiment } from "./file/read.ts";
import type { CellResult } from "./run/results.ts";
import { Runner } from "./run/runner.ts";
import type { Services } from "./run/services.ts";
import { tableOf } from "./output/table.ts";
import type { ExperimentFile } from "./file/types.ts";

export interface ExperimentOptions {
  /** Output directory; made if it is missing, continued if it holds the same experiment. */
  readonly out: string;
  /** Writes each cell also in the original's format, `original/CELL.json`. Default false. */
  readonly original?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ExperimentProgress) => void;
  /** Receives, before sampling, what cannot be computed and will be left out, and a remedy. */
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
  /** One for each cell, in the order of the experiment. */
  readonly results: readonly CellResult[];
  /** The Markdown of `table.md`. */
  readonly table: string;
  /** Absolute path of the output directory. */
  readonly out: string;
}

/**
 * Samples and evaluates every cell that is not done yet. Each finished sample is on the disk, even
 * if the process is killed; the next call continues from there and gives the results of one
 * undisturbed run.
 * @param experiment the path of a YAML or JSON file, or the contents of one as an object; relative
 *   paths in an object start from the working directory.
 * @throws OptionError; ExperimentError experiment_invalid before anything starts, experiment_busy,
 *   experiment_differs; AbortedError; InputError for a text that cannot be read; RemdmError
 *   output_failed; whatever the models and the judge throw.
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
  const resolved = await openExperiment(experiment);
  const { realServices } = await import("./run/realServices.ts");
  return runResolved(resolved, options, realServices());
}

/** Runs an experiment that was read already, as {@link runExperiment} does. */
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
