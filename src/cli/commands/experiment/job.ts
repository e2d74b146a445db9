/** Runs `remdm experiment`: it runs a grid of cells, lists it, or prints its file. */
import { existsSync } from "node:fs";
import { stringify } from "yaml";
import type { Device } from "../../../backend/device.ts";
import { InputError } from "../../../evaluation/errors.ts";
import type { Cell } from "../../../experiment/file/cell.ts";
import { ASSUMED_LENGTH, expectedCalls } from "../../../experiment/run/cost.ts";
import { modelFacts } from "../../../checkpoints/facts.ts";
import { runResolved } from "../../../experiment/experiment.ts";
import { etaNote, presetExperiment } from "../../../experiment/file/presets.ts";
import { openExperiment } from "../../../experiment/file/open.ts";
import type { Experiment } from "../../../experiment/file/read.ts";
import { resolveLaunch } from "../../../program/launchOptions.ts";
import { realServices } from "../../../experiment/run/realServices.ts";
import type { ExperimentFile } from "../../../experiment/file/types.ts";
import { counted, quoted } from "../../../foundation/messages.ts";
import { defaultLength } from "../../../sampler/denoiser.ts";
import type { Session } from "../../runCommand.ts";
import { experimentView } from "../../terminal/experimentView.ts";
import { harmless } from "../../terminal/terminalText.ts";
import { UsageError } from "../../usage.ts";
import { checkJudge, judgeError } from "../judgeFlag.ts";

/** The flags as commander hands them over. */
export interface ExperimentFlags {
  readonly preset?: string;
  readonly checkpoint?: string;
  readonly rawWeights?: true;
  readonly judge?: string | false;
  readonly references?: string;
  readonly samples?: number;
  readonly steps?: readonly number[];
  readonly device?: Device;
  readonly out?: string;
  readonly print?: true;
  readonly dryRun?: true;
  readonly original?: true;
  readonly quiet?: true;
}

/** Runs an experiment, or shows what it would be. @throws UsageError; what the library throws. */
export async function experiment(
  session: Session,
  file: string | undefined,
  flags: ExperimentFlags,
): Promise<void> {
  const given = givenExperiment(file, flags);
  const read = await openExperiment(given);
  const resolved = withDevice(read, flags);
  if (typeof given !== "string" && flags.print === true) {
    session.print(printed(given, resolved, flags));
  } else if (flags.dryRun === true) {
    realServices().check(resolved);
    session.print(harmless(dryRun(resolved)));
  } else await run(session, resolved, flags);
}

/**
 * @returns the path of a file, or what a preset stands for.
 * @throws UsageError; CheckpointError for a preset's model that is not there.
 */
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
  checkPlaces(checkpoint, judge, references);
  return presetExperiment(preset, {
    checkpoint,
    judge,
    ...(rawWeights && { rawWeights }),
    ...(references !== undefined && { references }),
    ...(samples !== undefined && { samples }),
    ...(steps !== undefined && { steps }),
  });
}

/**
 * Refuses a path with nothing at it, as the other commands do.
 * @throws CheckpointError; InputError.
 */
function checkPlaces(checkpoint: string, judge: string | false, references?: string): void {
  resolveLaunch({ checkpoint });
  try {
    if (judge !== false) resolveLaunch({ checkpoint: judge });
  } catch (error) {
    throw judgeError(error, judge || "");
  }
  if (references === undefined || existsSync(references)) return;
  throw new InputError(
    references,
    "cannot be read: there is nothing",
    "Name a file that exists and that you may read.",
  );
}

/** Writes a preset as an experiment file. Every path is absolute: the file may be moved. */
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
  const lengths = new Map(
    models.map(({ name: model, checkpoint }) => {
      const { length } = modelFacts(checkpoint);
      return [model, length === undefined ? undefined : defaultLength({ length })];
    }),
  );
  const calls = (cell: Cell): number =>
    expectedCalls(cell, cell.length ?? lengths.get(cell.model) ?? ASSUMED_LENGTH);
  const lines = cells.map((cell) => {
    const cost = counted(Math.ceil(calls(cell)), "call");
    return `${cell.id}  ${counted(cell.samples, "sample")}, about ${cost} each`;
  });
  const samples = cells.reduce((sum, cell) => sum + cell.samples, 0);
  const total = cells.reduce((sum, cell) => sum + cell.samples * calls(cell), 0);
  const rows = Math.ceil(total).toLocaleString("en-US");
  const open = cells.some((cell) => (cell.length ?? lengths.get(cell.model)) === undefined);
  const assumed = open ? ` (for ${ASSUMED_LENGTH} tokens, at most, where no length is said)` : "";
  return [
    ...lines,
    `${name}: ${counted(cells.length, "cell")}, ${counted(samples, "sample")}, about ${rows} rows through the network${assumed}`,
    "",
  ].join("\n");
}

/** Names the directory where results go without `--out`. @throws UsageError. */
function directoryFor(name: string): string {
  const directory = name.replace(/[^\w.+-]+/g, "-").replace(/^-+|-+$/g, "");
  if (directory !== "" && !directory.startsWith(".")) return directory;
  throw new UsageError(
    `The experiment's name, ${quoted(name)}, makes no name of a directory`,
    "Say where results go with --out.",
  );
}

async function run(
  { progress, signal, print, onStopped }: Session,
  experiment: Experiment,
  flags: ExperimentFlags,
): Promise<void> {
  const out = flags.out ?? directoryFor(experiment.name);
  onStopped(
    () => `Stopped. Every finished sample is kept in ${out}; the same command goes on from there.`,
  );
  const note = flags.preset === undefined ? "" : etaNote(flags.preset, flags.steps);
  if (note !== "") progress.note(note);
  const outcome = await runResolved(
    experiment,
    {
      out,
      signal,
      onProgress: (state) => progress.show(experimentView(state)),
      onNote: (line) => progress.note(line),
      original: flags.original === true,
    },
    realServices(),
  );
  progress.end();
  print(harmless(outcome.table));
  progress.note(`Results, table, charts and report.html: ${outcome.out}`);
}
