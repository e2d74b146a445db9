/** Reads an experiment from a file or an object, and checks that the library accepts every cell. */
import { DEVICES, isDevice } from "../../backend/device.ts";
import type { ModelCard } from "../../backend/wire/protocol.ts";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { modelFacts, type ModelFacts } from "../../checkpoints/facts.ts";
import { downloadedModel, hubRemedy } from "../../checkpoints/hub/names.ts";
import { BUNDLED_NAMES, checkpointFile, isPublishedName } from "../../checkpoints/published.ts";
import { meansNone } from "../../evaluation/judge/judgeOptions.ts";
import { resolveMauve } from "../../evaluation/evaluationOptions.ts";
import type { ResolvedMauve } from "../../evaluation/judge/mauveSettings.ts";
import { expandHome } from "../../foundation/home.ts";
import { OptionError, RemdmError } from "../../foundation/errors.ts";
import { quoted } from "../../foundation/messages.ts";
import { idsAlone, withNamedTokens } from "../../program/tokenNames.ts";
import { checkAdjustable } from "../../sampler/adjustments.ts";
import { checkBeforeLoading, type PreparedRun } from "../../sampler/prepare.ts";
import { textEnds } from "../../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { samplerOptionsOf, type Cell } from "./cell.ts";
import { cellsOf, modelName, type OwnStrategies } from "./cells.ts";
import { ExperimentError } from "../errors.ts";
import { checkShape } from "./schema.ts";
import { Source, type Path } from "./source.ts";
import type { ExperimentFile, MauveSettings } from "./types.ts";

const DEFAULT_JUDGE = "demo-ar";
/** Names of the tokenizers that come with the package. */
export const BUILT_IN_TOKENIZERS: readonly string[] = ["gpt2", "demo"];

export interface ExperimentModel {
  readonly name: string;
  /** A bundled model's name or an absolute path; for a published name the path of its download. */
  readonly checkpoint: string;
  /** A built-in tokenizer's name or an absolute path. */
  readonly tokenizer: string | undefined;
  readonly rawWeights: boolean;
}

/** An experiment with defaults filled in, paths made absolute and cells checked. */
export interface Experiment {
  readonly name: string;
  readonly models: readonly ExperimentModel[];
  readonly cells: readonly Cell[];
  /** Modules of the user's own strategies: as the file names them, and their absolute paths. */
  readonly strategyFiles: readonly (readonly [string, string])[];
  readonly references: string | undefined;
  readonly referenceEnds: boolean | undefined;
  readonly words: string | undefined;
  readonly judge: string | false;
  readonly judgeRawWeights: boolean;
  readonly mauve: ResolvedMauve | false;
  /** Whether the file asks for MAUVE; the experiment then fails where it cannot be computed. */
  readonly mauveIsNamed: boolean;
  readonly device: string;
  readonly dtype: "float32" | "bfloat16";
  readonly source: Source;
}

/** The contents of an experiment file, and the directory that its relative paths start from. */
export interface ParsedExperiment {
  readonly value: unknown;
  readonly source: Source;
  readonly base: string;
}

/** Reads an experiment from its file. @throws ExperimentError experiment_invalid. */
export function readExperiment(path: string): Experiment {
  const { value, source, base } = parseExperiment(path);
  return resolveExperiment(value, base, source);
}

/** Parses an experiment file. @throws ExperimentError experiment_invalid. */
export function parseExperiment(path: string): ParsedExperiment {
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
  return { ...Source.parse(text, path), base: dirname(resolve(path)) };
}

/**
 * Reads an experiment from an object.
 * @param value of any origin: untyped callers get the same errors.
 * @param base directory that relative paths start from.
 * @param own the strategies of the user's own that it names, loaded.
 * @throws ExperimentError experiment_invalid.
 */
export function resolveExperiment(
  value: unknown,
  base: string = process.cwd(),
  source: Source = new Source("the experiment"),
  own: OwnStrategies = new Map(),
): Experiment {
  const file = checkShape(value, source);
  const find = (name: string, path: Path): string => found(name, path, base, source);
  const checkpointOf = (name: string, path: Path): string =>
    checkpointPlace(name, path, base, source);
  const optional = (key: "references" | "words"): string | undefined =>
    file[key] === undefined ? undefined : find(file[key], [key]);
  const { judge = DEFAULT_JUDGE } = file;
  const cells = cellsOf(file, source, own);
  const models = file.models.map((model, m) => ({
    name: modelName(model),
    checkpoint: checkpointOf(model.checkpoint, ["models", m, "checkpoint"]),
    tokenizer: tokenizerOf(model.tokenizer, ["models", m, "tokenizer"], find),
    rawWeights: model.rawWeights ?? false,
  }));
  const facts = new Map(models.map(({ name, checkpoint }) => [name, modelFacts(checkpoint)]));
  for (const cell of cells) {
    checkCell(cell, facts.get(cell.model), source);
  }
  return {
    name: file.name,
    models,
    cells,
    strategyFiles: Array.from(own, ([name, { path }]) => [name, path]),
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
 * Checks that the sampler takes a cell.
 * @param facts what is known of the model.
 * @returns the run, without tokens that are named by texts.
 * @throws ExperimentError experiment_invalid with the place in the file.
 */
export function checkCell(cell: Cell, facts: ModelFacts | undefined, source: Source): PreparedRun {
  const { banned, suppressed, ...options } = samplerOptionsOf(cell);
  const names = { banned, suppressed };
  try {
    const run = checkBeforeLoading({ ...options, ...idsAlone(names) }, facts);
    checkAdjustable(names, run.loop);
    return run;
  } catch (error) {
    throw placed(error, cell, source);
  }
}

/**
 * Checks a cell as {@link checkCell} does, and the tokens that it names.
 * @throws ExperimentError experiment_invalid with the place in the file.
 */
export async function checkCellOf(
  cell: Cell,
  { model, tokenizer }: { readonly model: ModelCard; readonly tokenizer: Tokenizer },
  source: Source,
): Promise<void> {
  const run = checkCell(cell, { ...model, ...textEnds(tokenizer) }, source);
  try {
    await withNamedTokens(run, cell, tokenizer, model);
  } catch (error) {
    throw placed(error, cell, source);
  }
}

/** Codes of errors that a cell of the file is to blame for, beside its options. */
const OF_CELLS: readonly string[] = ["strategy_invalid", "tokenizer_unknown"];

/** Puts the place in the file before an error about a cell; any other error stays as it is. */
function placed(error: unknown, cell: Cell, source: Source): unknown {
  if (!RemdmError.isInstance(error)) return error;
  const place = `${source.where(cell.path)} (${cell.id})`;
  const { message, remedy } = error;
  const refusal = (what: string, how: string): ExperimentError =>
    new ExperimentError("experiment_invalid", `${place}: ${what}`, how, error);
  if (OF_CELLS.includes(error.code)) return refusal(message, remedy);
  if (!(error instanceof OptionError)) return error;
  const { option } = error;
  const key = keyOf(option, cell);
  return refusal(message.replace(option, key), remedy.replace(option, key));
}

/** Gives the name that an experiment file has for an option of the sampler. */
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

/**
 * Finds a checkpoint. A bundled name stays; a published name becomes its file, unless a file of
 * that name lies beside the experiment.
 */
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
  const there = existsSync(full) ? full : downloadedModel(name);
  if (there !== undefined) return there;
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

/** Drops the keys that begin with `x-`, which are notes. */
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
