/** From a file, or an object of a program, to an experiment whose every cell the library accepts. */
import { DEVICES, isDevice } from "../device.ts";
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { anyModel } from "../anyModel.ts";
import { BUNDLED_NAMES, checkpointFile, isPublishedName } from "../checkpoints/published.ts";
import { resolveMauve } from "../evaluation/evaluationOptions.ts";
import type { ResolvedMauve } from "../evaluation/mauveSettings.ts";
import { OptionError } from "../sampler/errors.ts";
import type { DenoiserModel } from "../sampler/denoiser.ts";
import { resolveOptions } from "../sampler/options.ts";
import { cellsOf, modelName, samplerOptionsOf, type Cell } from "./cells.ts";
import { ExperimentError } from "./errors.ts";
import { checkShape } from "./schema.ts";
import { Source, type Path } from "./source.ts";
import type { ExperimentFile, MauveSettings } from "./types.ts";

const DEFAULT_JUDGE = "demo-ar";
/** Those that come with the package. */
export const BUILT_IN_TOKENIZERS: readonly string[] = ["gpt2", "demo"];

export interface ExperimentModel {
  readonly name: string;
  /** A bundled model's name or an absolute path; a published name is the path of what was downloaded. */
  readonly checkpoint: string;
  /** A built-in one's name or an absolute path. */
  readonly tokenizer: string | undefined;
  readonly rawWeights: boolean;
}

/** Everything said, every path absolute, every cell checked. */
export interface Experiment {
  readonly name: string;
  readonly models: readonly ExperimentModel[];
  readonly cells: readonly Cell[];
  readonly references: string | undefined;
  readonly referenceEnds: boolean | undefined;
  readonly words: string | undefined;
  readonly judge: string | false;
  readonly mauve: ResolvedMauve | false;
  readonly device: string;
  readonly dtype: "float32" | "bfloat16";
  readonly source: Source;
}

/** @throws ExperimentError experiment_invalid. */
export function readExperiment(path: string): Experiment {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ExperimentError(
      "experiment_invalid",
      `The experiment ${path} cannot be read: ${why}`,
      "Name a YAML or JSON file, or use --preset.",
      cause,
    );
  }
  const { value, source } = Source.parse(text, path);
  return resolveExperiment(value, dirname(resolve(path)), source);
}

/**
 * @param value of any origin: untyped callers get the same errors.
 * @param base directory that relative paths start from.
 * @throws ExperimentError experiment_invalid.
 */
export function resolveExperiment(
  value: unknown,
  base: string = process.cwd(),
  source: Source = new Source("the experiment"),
): Experiment {
  const file = checkShape(value, source);
  const find = (name: string, path: Path): string => found(name, path, base, source);
  const checkpointOf = (name: string, path: Path): string =>
    checkpointPlace(name, path, base, source);
  const optional = (key: "references" | "words"): string | undefined =>
    file[key] === undefined ? undefined : find(file[key], [key]);
  const { judge = DEFAULT_JUDGE, mauve = {} } = file;
  const cells = cellsOf(file, source);
  for (const cell of cells) checkCell(cell, anyModel(cell.strategy.kind), source);
  return {
    name: file.name,
    models: file.models.map((model, m) => ({
      name: modelName(model),
      checkpoint: checkpointOf(model.checkpoint, ["models", m, "checkpoint"]),
      tokenizer: tokenizerOf(model.tokenizer, ["models", m, "tokenizer"], find),
      rawWeights: model.rawWeights ?? false,
    })),
    cells,
    references: optional("references"),
    referenceEnds: file.referenceEnds,
    words: optional("words"),
    judge: judge === false ? false : checkpointOf(judge, ["judge"]),
    mauve: file.references === undefined || judge === false ? false : mauveOf(mauve, source),
    device: deviceOf(file, source),
    dtype: file.dtype ?? "float32",
    source,
  };
}

/**
 * Whether the sampler takes a cell, for a model that is known or for any.
 * @throws ExperimentError experiment_invalid with the place in the file.
 */
export function checkCell(cell: Cell, model: DenoiserModel, source: Source): void {
  try {
    resolveOptions(samplerOptionsOf(cell), model);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const { option, remedy, message } = error;
    const key = option.split(".").at(-1) ?? option;
    throw new ExperimentError(
      "experiment_invalid",
      `${source.where(cell.path)} (${cell.id}): ${message.replace(option, key)}`,
      remedy.replace(option, key),
      error,
    );
  }
}

type Find = (name: string, path: Path) => string;

function tokenizerOf(name: string | undefined, path: Path, find: Find): string | undefined {
  return name === undefined || BUILT_IN_TOKENIZERS.includes(name) ? name : find(name, path);
}

/** A bundled name stays; a published one is its file, unless something of that name lies beside the experiment. */
function checkpointPlace(name: string, path: Path, base: string, source: Source): string {
  if (BUNDLED_NAMES.includes(name)) return name;
  if (!isPublishedName(name) || existsSync(join(base, name))) {
    return found(name, path, base, source);
  }
  const file = checkpointFile(name);
  if (existsSync(file)) return file;
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(path)} is ${JSON.stringify(name)}, and there is nothing at ${file}`,
    `Run \`npx remdm checkpoints download ${name}\`, or give the path of a file that you have.`,
  );
}

function found(name: string, path: Path, base: string, source: Source): string {
  const full = isAbsolute(name) ? name : join(base, name);
  if (existsSync(full)) return full;
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(path)} is ${JSON.stringify(name)}, and there is nothing at ${full}`,
    "Check the path: it starts from the directory of the experiment file.",
  );
}

function mauveOf(given: MauveSettings | false, source: Source): ResolvedMauve | false {
  try {
    const mauve = resolveMauve(given);
    return mauve ?? false;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const { option, message, remedy } = error;
    const place = source.where(option.split("."));
    const key = option.split(".").at(-1) ?? option;
    const [what, how] = [message, remedy].map((text) => text.replace(option, key));
    throw new ExperimentError("experiment_invalid", `${place}: ${what}`, how, error);
  }
}

function deviceOf({ device = "auto" }: ExperimentFile, source: Source): string {
  if (isDevice(device)) return device;
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(["device"])} is ${JSON.stringify(device)}`,
    `Set device to ${DEVICES}.`,
  );
}
