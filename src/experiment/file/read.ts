/** From a file, or an object of a program, to an experiment whose every cell the library accepts. */
import { DEVICES, isDevice } from "../../backend/device.ts";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { anyModel } from "../../program/anyModel.ts";
import { modelFacts } from "../../checkpoints/facts.ts";
import { hubRemedy } from "../../checkpoints/hub.ts";
import { BUNDLED_NAMES, checkpointFile, isPublishedName } from "../../checkpoints/published.ts";
import { meansNone } from "../../evaluation/judge/judgeOptions.ts";
import { resolveMauve } from "../../evaluation/evaluationOptions.ts";
import type { ResolvedMauve } from "../../evaluation/judge/mauveSettings.ts";
import { expandHome } from "../../foundation/home.ts";
import { OptionError } from "../../foundation/errors.ts";
import { quoted } from "../../foundation/messages.ts";
import type { DenoiserModel } from "../../sampler/denoiser.ts";
import { resolveOptions } from "../../sampler/options.ts";
import { cellsOf, modelName, samplerOptionsOf, type Cell } from "./cells.ts";
import { ExperimentError } from "../errors.ts";
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
  readonly judgeRawWeights: boolean;
  readonly mauve: ResolvedMauve | false;
  /** Whether the file asks for MAUVE: where it cannot be computed, the experiment then fails. */
  readonly mauveIsNamed: boolean;
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
      "Name a YAML or JSON file that exists and that you may read.",
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
  const { judge = DEFAULT_JUDGE } = file;
  const cells = cellsOf(file, source);
  const models = file.models.map((model, m) => ({
    name: modelName(model),
    checkpoint: checkpointOf(model.checkpoint, ["models", m, "checkpoint"]),
    tokenizer: tokenizerOf(model.tokenizer, ["models", m, "tokenizer"], find),
    rawWeights: model.rawWeights ?? false,
  }));
  const facts = new Map(models.map(({ name, checkpoint }) => [name, modelFacts(checkpoint)]));
  for (const cell of cells) {
    checkCell(cell, anyModel(cell.strategy.kind, facts.get(cell.model)), source);
  }
  return {
    name: file.name,
    models,
    cells,
    references: optional("references"),
    referenceEnds: file.referenceEnds,
    words: optional("words"),
    judge: judge === false ? false : judgeOf(judge, checkpointOf, source),
    judgeRawWeights: file.judgeRawWeights ?? false,
    mauve: mauveOf(file, source),
    mauveIsNamed: file.mauve !== undefined,
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
    const key = keyOf(option, cell);
    throw new ExperimentError(
      "experiment_invalid",
      `${source.where(cell.path)} (${cell.id}): ${message.replace(option, key)}`,
      remedy.replace(option, key),
      error,
    );
  }
}

/** How an experiment calls an option of the sampler. */
function keyOf(option: string, { eta }: Cell): string {
  const short = eta !== undefined;
  const keys: Readonly<Record<string, string>> = {
    seed: "seeds",
    "strategy.kind": "name",
    "strategy.cap": short ? "eta" : "etaCap",
    "strategy.rescale": short ? "eta" : "etaRescale",
  };
  return Object.hasOwn(keys, option) ? keys[option] : (option.split(".").at(-1) ?? option);
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
    `${source.where(path)} is ${quoted(name)}, and there is nothing at ${file}`,
    `Run \`npx remdm checkpoints download ${name}\`, or give the path of a file that you have.`,
  );
}

function found(name: string, path: Path, base: string, source: Source): string {
  const full = resolve(base, expandHome(name));
  if (existsSync(full)) return full;
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(path)} is ${quoted(name)}, and there is nothing at ${full}`,
    hubRemedy(name, base) ?? "Check the path: it starts from the directory of the experiment file.",
  );
}

function judgeOf(judge: string, find: Find, source: Source): string {
  if (!meansNone(judge)) return find(judge, ["judge"]);
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(["judge"])} is ${quoted(judge)}, which is no model`,
    "For neither perplexity nor MAUVE set judge to false.",
  );
}

function mauveOf(
  { mauve, references, judge }: ExperimentFile,
  source: Source,
): ResolvedMauve | false {
  if (references === undefined || judge === false) {
    if (mauve === undefined || mauve === false) return false;
    const lacks = judge === false ? "a judge" : "references";
    throw new ExperimentError(
      "experiment_invalid",
      `${source.where(["mauve"])} asks for MAUVE, which needs ${lacks}`,
      `Name ${lacks}, or leave mauve out.`,
    );
  }
  try {
    return resolveMauve(mauve && withoutNotes(mauve)) ?? false;
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const { option, message, remedy } = error;
    const place = source.where(option.split("."));
    const key = option.split(".").at(-1) ?? option;
    const [what, how] = [message, remedy].map((text) => text.replace(option, key));
    throw new ExperimentError("experiment_invalid", `${place}: ${what}`, how, error);
  }
}

/** Keys that begin with `x-` say nothing. */
function withoutNotes(settings: MauveSettings): MauveSettings {
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !key.startsWith("x-")));
}

function deviceOf({ device = "auto" }: ExperimentFile, source: Source): string {
  if (isDevice(device)) return device;
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(["device"])} is ${quoted(device)}`,
    `Set device to ${DEVICES}.`,
  );
}
