/** `remdm experiment` at work. */
import { stringify } from "yaml";
import type { Cell } from "../../experiment/file/cell.ts";
import { ASSUMED_LENGTH, expectedCalls } from "../../experiment/run/cost.ts";
import { modelFacts } from "../../checkpoints/facts.ts";
import { runResolved } from "../../experiment/experiment.ts";
import { etaNote, presetExperiment } from "../../experiment/file/presets.ts";
import { readExperiment, resolveExperiment, type Experiment } from "../../experiment/file/read.ts";
import { realServices } from "../../experiment/run/realServices.ts";
import type { ExperimentFile } from "../../experiment/file/types.ts";
import type { ExperimentFlags } from "./experiment.ts";
import { quoted } from "../../foundation/messages.ts";
import {
  createExperimentReporter,
  type ExperimentReporter,
} from "../terminal/experimentReporter.ts";
import { EXIT_USAGE, failureOf } from "../failure.ts";
import { Interruption } from "../interruption.ts";
import { checkJudge } from "./judgeFlag.ts";
import { harmless } from "../terminal/terminalText.ts";
import { UsageError } from "../usage.ts";

/** @returns the exit code. */
export async function runExperimentCommand(
  file: string | undefined,
  flags: ExperimentFlags,
): Promise<number> {
  const reporter = createExperimentReporter(process.stderr, flags.quiet === true);
  using interruption = new Interruption();
  process.stdout.off("error", onOutputError).on("error", onOutputError);
  try {
    const given = givenExperiment(file, flags);
    const experiment = withDevice(
      typeof given === "string" ? readExperiment(given) : resolveExperiment(given),
      flags,
    );
    if (typeof given !== "string" && flags.print === true) {
      process.stdout.write(printed(given, experiment, flags));
      return 0;
    }
    if (flags.dryRun === true) {
      realServices().check(experiment);
      process.stdout.write(harmless(dryRun(experiment)));
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

/** A reader that goes away (`| head`) is no failure. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** @returns the path of a file, or what a preset stands for. @throws UsageError. */
function givenExperiment(
  file: string | undefined,
  flags: ExperimentFlags,
): string | ExperimentFile {
  const { preset, checkpoint, rawWeights, judge, references, samples, steps, print } = flags;
  if (preset === undefined) {
    const ofPresets = { checkpoint, "raw-weights": rawWeights, judge, references, samples };
    const stray = Object.entries({ ...ofPresets, steps, print }).find(
      ([, value]) => value !== undefined,
    );
    if (stray !== undefined) {
      const flag = judge === false && stray[0] === "judge" ? "no-judge" : stray[0];
      throw new UsageError(`--${flag} belongs to --preset`, "Say it in the experiment file.");
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
  if (judge === undefined) {
    throw new UsageError(
      "A preset needs a judge: the published numbers are by GPT-2 large, which does not come with this package",
      "Name the directory of GPT-2 large with --judge, or do without perplexity and MAUVE with --no-judge.",
    );
  }
  if (judge !== false) checkJudge(judge);
  return presetExperiment(preset, {
    checkpoint,
    judge,
    ...(rawWeights && { rawWeights }),
    ...(references !== undefined && { references }),
    ...(samples !== undefined && { samples }),
    ...(steps !== undefined && { steps }),
  });
}

/** With every path absolute: the file may be moved. */
function printed(
  file: ExperimentFile,
  { models: [resolved], references, judge }: Experiment,
  { preset = "", steps, device }: ExperimentFlags,
): string {
  const note = etaNote(preset, steps);
  const heading = `# scripts/${preset}.sh of the original repository. ${note}`.trimEnd();
  const models = file.models.map((model) => ({ ...model, checkpoint: resolved.checkpoint }));
  const placed = {
    ...file,
    judge,
    ...(references !== undefined && { references }),
    ...(device !== undefined && { device }),
    models,
  };
  return `${heading}\n${stringify(placed)}`;
}

function withDevice(experiment: Experiment, { device }: ExperimentFlags): Experiment {
  return device === undefined ? experiment : { ...experiment, device };
}

function dryRun({ name, cells, models }: Experiment): string {
  const lengths = new Map(models.map((model) => [model.name, modelFacts(model.checkpoint).length]));
  const calls = (cell: Cell): number =>
    expectedCalls(cell, cell.length ?? lengths.get(cell.model) ?? ASSUMED_LENGTH);
  const lines = cells.map(
    (cell) => `${cell.id}  ${cell.samples} samples, about ${Math.ceil(calls(cell))} calls each`,
  );
  const samples = cells.reduce((sum, cell) => sum + cell.samples, 0);
  const total = cells.reduce((sum, cell) => sum + cell.samples * calls(cell), 0);
  const open = cells.some((cell) => (cell.length ?? lengths.get(cell.model)) === undefined);
  const assumed = open ? ` (for ${ASSUMED_LENGTH} tokens, at most, where no length is said)` : "";
  return [
    ...lines,
    `${name}: ${cells.length} cells, ${samples} samples, about ${Math.ceil(total).toLocaleString("en-US")} rows through the network${assumed}`,
    "",
  ].join("\n");
}

/** Where results go that nobody said a place for. */
function directoryFor(name: string): string {
  const directory = name.replace(/[^\w.+-]+/g, "-").replace(/^-+|-+$/g, "");
  if (directory !== "" && !directory.startsWith(".")) return directory;
  throw new UsageError(
    `The experiment's name, ${quoted(name)}, makes no name of a directory`,
    "Say where results go with --out.",
  );
}

async function run(
  experiment: Experiment,
  flags: ExperimentFlags,
  reporter: ExperimentReporter,
  interruption: Interruption,
): Promise<number> {
  const { signal } = interruption;
  const out = flags.out ?? directoryFor(experiment.name);
  try {
    const note = flags.preset === undefined ? "" : etaNote(flags.preset, flags.steps);
    if (note !== "") reporter.note(note);
    const onProgress = reporter.progress.bind(reporter);
    const onNote = reporter.note.bind(reporter);
    const options = { out, signal, onProgress, onNote, original: flags.original === true };
    const outcome = await runResolved(experiment, options, realServices());
    reporter.end();
    process.stdout.write(harmless(outcome.table));
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
