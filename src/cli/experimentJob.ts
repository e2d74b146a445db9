/** `remdm experiment` at work. */
import { stringify } from "yaml";
import type { Cell } from "../experiment/cells.ts";
import { expectedCalls } from "../experiment/cost.ts";
import { runResolved } from "../experiment/experiment.ts";
import { writeOriginals } from "../experiment/originals.ts";
import { etaNote, presetExperiment } from "../experiment/presets.ts";
import { readExperiment, resolveExperiment, type Experiment } from "../experiment/read.ts";
import { realServices } from "../experiment/realServices.ts";
import type { ExperimentFile } from "../experiment/types.ts";
import type { ExperimentFlags } from "./experiment.ts";
import { createExperimentReporter, type ExperimentReporter } from "./experimentReporter.ts";
import { EXIT_USAGE, failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";
import { UsageError } from "./usage.ts";

/** @returns the exit code. */
export async function runExperimentCommand(
  file: string | undefined,
  flags: ExperimentFlags,
): Promise<number> {
  const reporter = createExperimentReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  try {
    const given = givenExperiment(file, flags);
    if (flags.print === true) {
      process.stdout.write(typeof given === "string" ? "" : printed(given, flags));
      return 0;
    }
    const experiment = withDevice(
      typeof given === "string" ? readExperiment(given) : resolveExperiment(given),
      flags,
    );
    if (flags.dryRun === true) {
      realServices().check(experiment);
      process.stdout.write(dryRun(experiment));
      return 0;
    }
    return await run(experiment, flags, reporter, interruption);
  } catch (error) {
    reporter.end();
    const { code, text } = failureOf(error);
    process.stderr.write(text);
    return isInvalid(error) ? EXIT_USAGE : code;
  }
}

/** @returns the path of a file, or what a preset stands for. @throws UsageError. */
function givenExperiment(
  file: string | undefined,
  flags: ExperimentFlags,
): string | ExperimentFile {
  const { preset, checkpoint, judge, references, samples, steps, print } = flags;
  if (preset === undefined) {
    const stray = Object.entries({ checkpoint, judge, references, samples, steps, print }).find(
      // --no-judge makes commander's default true.
      ([name, value]) => value !== undefined && !(name === "judge" && value === true),
    );
    if (stray !== undefined) {
      throw new UsageError(`--${stray[0]} belongs to --preset`, "Say it in the experiment file.");
    }
    if (file !== undefined) return file;
    throw new UsageError("There is no experiment", "Name a file, or a preset with --preset.");
  }
  if (file !== undefined) {
    throw new UsageError(`${file} and --preset ${preset} are two experiments`, "Name one of them.");
  }
  if (checkpoint === undefined) {
    throw new UsageError("A preset needs a model", "Name one with --checkpoint.");
  }
  return presetExperiment(preset, {
    checkpoint,
    ...(judge !== undefined && (judge as unknown) !== true && { judge }),
    ...(references !== undefined && { references }),
    ...(samples !== undefined && { samples }),
    ...(steps !== undefined && { steps }),
  });
}

function printed(file: ExperimentFile, { preset = "", steps }: ExperimentFlags): string {
  const note = etaNote(preset, steps);
  const heading = `# scripts/${preset}.sh of the original repository. ${note}`.trimEnd();
  return `${heading}\n${stringify(file)}`;
}

function withDevice(experiment: Experiment, { device }: ExperimentFlags): Experiment {
  return device === undefined ? experiment : { ...experiment, device };
}

/** Where the model's own length is not known yet. */
const ASSUMED_LENGTH = 1024;

function dryRun({ name, cells }: Experiment): string {
  const calls = (cell: Cell): number => expectedCalls(cell, cell.length ?? ASSUMED_LENGTH);
  const lines = cells.map(
    (cell) => `${cell.id}  ${cell.samples} samples, about ${Math.ceil(calls(cell))} calls each`,
  );
  const samples = cells.reduce((sum, cell) => sum + cell.samples, 0);
  const total = cells.reduce((sum, cell) => sum + cell.samples * calls(cell), 0);
  const open = cells.some(({ length }) => length === undefined);
  const assumed = open ? ` (for ${ASSUMED_LENGTH} tokens, at most, where no length is said)` : "";
  return [
    ...lines,
    `${name}: ${cells.length} cells, ${samples} samples, about ${Math.ceil(total).toLocaleString("en-US")} rows through the network${assumed}`,
    "",
  ].join("\n");
}

async function run(
  experiment: Experiment,
  flags: ExperimentFlags,
  reporter: ExperimentReporter,
  interruption: Interruption,
): Promise<number> {
  const { signal } = interruption;
  const out = flags.out ?? experiment.name.replace(/[^\w.+-]+/g, "-");
  try {
    const note = flags.preset === undefined ? "" : etaNote(flags.preset, flags.steps);
    if (note !== "") reporter.note(note);
    const onProgress = reporter.progress.bind(reporter);
    const outcome = await runResolved(experiment, { out, signal, onProgress }, realServices());
    reporter.end();
    process.stdout.write(outcome.table);
    if (flags.original === true) writeOriginals(outcome.out, experiment.cells, outcome.results);
    reporter.note(`Results, table, charts and report.html: ${outcome.out}`);
    return 0;
  } catch (error) {
    if (!signal.aborted) throw error;
    reporter.end();
    reporter.note(
      `Stopped. Every finished sample is kept in ${out}; the same command goes on from there.`,
    );
    return interruption.exitCode ?? 0;
  }
}

function isInvalid(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "experiment_invalid";
}
