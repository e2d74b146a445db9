/** Expands the grid: every combination that an experiment asks for, once, in the file's order. */
import { OptionError } from "../../foundation/errors.ts";
import type { LoadedStrategy } from "../../program/loadStrategy.ts";
import { makerOf, type AnyStrategyMaker, type DefinedStrategy } from "../../sampler/definition.ts";
import { DEFAULT_TOP_P, hasNucleus } from "../../sampler/prepare.ts";
import type { OptionTable } from "../../sampler/optionTable.ts";
import { BUILT_IN } from "../../sampler/strategies/builtIn.ts";
import { takesSteps } from "../../sampler/strategies/find.ts";
import type { Strategy } from "../../sampler/strategy.ts";
import {
  STRATEGY_SETTINGS,
  strategyNamed,
  type StrategySettings,
} from "../../sampler/strategies/notation.ts";
import { cellId, type Cell } from "./cell.ts";
import { invalid } from "../errors.ts";
import { paperEta } from "./paper.ts";
import type { Path, Source } from "./source.ts";
import type { CellSettings, ExperimentFile, ModelEntry, StrategyEntry } from "./types.ts";

/** Strategies of the user's own, by the name that the experiment has for each. */
export type OwnStrategies = ReadonlyMap<string, LoadedStrategy>;

export const DEFAULT_SAMPLES = 128;
/** The most cells of a grid; a larger one is a slip of the hand. */
const MAX_CELLS = 10_000;

function etaOf(strategy: Strategy | DefinedStrategy): number | undefined {
  return "eta" in strategy && typeof strategy.eta === "number" ? strategy.eta : undefined;
}

/** Names a model: by its name, else by its file, so `checkpoints/mdlm.ckpt` is called mdlm. */
export function modelName({ name, checkpoint }: ModelEntry): string {
  if (name !== undefined) return name;
  const last = checkpoint.split(/[/\\]/).filter(Boolean).at(-1) ?? checkpoint;
  return last.replace(/\.(ckpt|safetensors)$/, "");
}

/**
 * Expands a file into its cells, whose numbers are not checked yet.
 * @throws ExperimentError experiment_invalid for unknown strategies, for settings that a strategy
 *   does not have, and for cells of the same name.
 */
export function cellsOf(file: ExperimentFile, source: Source, own: OwnStrategies): Cell[] {
  const cells: Cell[] = [];
  const taken = new Map<string, Path>();
  const names = new Set<string>();
  for (const [m, model] of file.models.entries()) {
    const name = modelName(model);
    if (names.has(name)) {
      throw invalid(
        source.where(["models", m]),
        `is the second model named ${name}`,
        "Give it a name of its own.",
      );
    }
    names.add(name);
    for (const [s, entry] of model.strategies.entries()) {
      const strategy = typeof entry === "string" ? { name: entry } : entry;
      const path = ["models", m, "strategies", s];
      for (const cell of cellsOfStrategy({
        file,
        model,
        strategy,
        path,
        source,
        modelName: name,
        own: own.get(strategy.name)?.make,
      })) {
        // Some file systems do not tell capitals from small letters.
        const key = cell.id.toLowerCase();
        const before = taken.get(key);
        if (before !== undefined) {
          throw invalid(
            source.where(path),
            `gives ${cell.id}, which ${before === path ? "it gave already" : `${source.where(before)} gave already`}`,
            "Leave one of them out, or give it another label.",
          );
        }
        taken.set(key, path);
        cells.push(cell);
        if (cells.length > MAX_CELLS) {
          throw invalid(source.where([]), `has more than ${MAX_CELLS} cells`, "Split it up.");
        }
      }
    }
  }
  return cells;
}

interface Place {
  readonly file: ExperimentFile;
  readonly model: ModelEntry;
  readonly modelName: string;
  readonly strategy: StrategyEntry;
  readonly path: Path;
  readonly source: Source;
  /** The strategy of a module, where the entry names one. */
  readonly own: AnyStrategyMaker | undefined;
}

function* cellsOfStrategy(place: Place): Generator<Cell> {
  const { file, model, strategy: entry, path, source } = place;
  // The setting nearest to the strategy counts.
  const said = { ...settingsIn(file), ...settingsIn(model), ...settingsIn(entry) };
  const {
    samples = DEFAULT_SAMPLES,
    length,
    batchSize,
    quirks = "original",
    executor = "events",
  } = said;
  refuseEmpty(place, { ...said, eta: entry.eta });
  refuseTwice(place);
  // The name alone decides whether a strategy has steps and a nucleus.
  const named = namedStrategy(place, {});
  const { kind } = named;
  const steps = takesSteps(named) ? stepsOf(place, said) : [undefined];
  const known = place.own === undefined ? BUILT_IN : [place.own.definition];
  const nucleus = known.some((one) => one.kind === kind && hasNucleus(one, quirks));
  for (const step of steps) {
    for (const eta of etasOf(place, step)) {
      for (const draw of drawsOf(said, nucleus)) {
        for (const seed of several(said.seeds ?? 1)) {
          const settings = { ...strategySettings(entry), ...(eta !== undefined && { eta }) };
          const strategy = namedStrategy(place, settings);
          const cell = {
            model: place.modelName,
            label: entry.label ?? (place.own === undefined ? entry.name : kind),
            strategy,
            eta: etaOf(strategy) ?? eta,
            steps: step,
            ...draw,
            seed,
            samples,
            length,
            batchSize,
            quirks,
            executor,
            path,
          };
          const own = Object.entries(entry.options ?? {});
          // The id says eta by itself.
          const rest = Object.fromEntries(own.filter(([name]) => name !== "eta"));
          const settingsSaid = { ...strategySettings(entry), ...rest };
          yield { id: cellId(cell, settingsSaid, source), ...cell };
        }
      }
    }
  }
}

/** What a cell's tokens are drawn from. */
type DrawSettings = Pick<Cell, "topP" | "temperature" | "topK">;

/** @param nucleus whether the strategy has one. */
function drawsOf(said: CellSettings, nucleus: boolean): DrawSettings[] {
  const topPs = nucleus ? several(said.topP ?? DEFAULT_TOP_P) : [undefined];
  return topPs.flatMap((topP) =>
    several(said.temperature ?? 1).flatMap((temperature) =>
      several<number | undefined>(said.topK).map((topK) => ({ topP, temperature, topK })),
    ),
  );
}

/** Refuses empty lists, which would drop the strategy without a word. */
function refuseEmpty({ path, source }: Place, said: object): void {
  const [key] = Object.entries(said).find(([, value]) => isEmpty(value)) ?? [];
  if (key === undefined) return;
  throw invalid(
    source.where([...path, key]),
    `is an empty list of ${key}`,
    `Put one of ${key} in it at least, or leave ${key} out.`,
  );
}

/** Refuses an option that stands among `options` and beside the name. */
function refuseTwice({ strategy, path, source }: Place): void {
  const beside: Readonly<Record<string, unknown>> = { ...strategy };
  const twice = STRATEGY_SETTINGS.find(
    (key) => beside[key] !== undefined && Object.hasOwn(strategy.options ?? {}, key),
  );
  if (twice === undefined) return;
  const remedy = "Say it in one place: beside the name, or in options.";
  throw invalid(source.where([...path, "options", twice]), "stands beside the name too", remedy);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function stepsOf({ path, source }: Place, { steps }: CellSettings): readonly number[] {
  const given = several(steps ?? []);
  if (given.length > 0) return given;
  throw invalid(source.where(path), "has no steps", "Set steps here, at its model, or at the top.");
}

function several<T>(given: T | readonly T[]): readonly T[] {
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
}

const CELL_KEYS = [
  "steps",
  "topP",
  "temperature",
  "topK",
  "seeds",
  "samples",
  "length",
  "batchSize",
  "quirks",
  "executor",
] as const satisfies readonly (keyof CellSettings)[];

function settingsIn(from: CellSettings): CellSettings {
  return Object.fromEntries(
    CELL_KEYS.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]),
  );
}

/** Its settings but eta. */
function strategySettings(entry: StrategyEntry): StrategySettings {
  return Object.fromEntries(
    STRATEGY_SETTINGS.filter((key) => key !== "eta" && entry[key] !== undefined).map((key) => [
      key,
      entry[key],
    ]),
  );
}

function namedStrategy(
  { strategy, path, source, own }: Place,
  settings: StrategySettings,
): Strategy | DefinedStrategy {
  if (own !== undefined)
    return ownStrategy(own, { ...strategy.options, ...settings }, path, source);
  const named = strategyNamed(strategy.name, settings, {
    nameOf: (setting) => setting,
    othersOf,
    refusal: (message, remedy) => invalid(`${source.where(path)}:`, message, remedy),
  });
  const definition = BUILT_IN.find(({ kind }) => kind === named.kind);
  if (strategy.options === undefined || definition === undefined) return named as Strategy;
  const options = { ...named, ...strategy.options };
  // Plain data, as all built-in strategies are.
  return { ...ownStrategy(makerOf(definition), options, path, source) };
}

/** Lists what may stand among `options`, which are numbers, texts and flags. */
function othersOf(options: OptionTable): string {
  const names = Object.entries(options)
    .filter(([, { type }]) => type === "flag" || type === "choice")
    .map(([name]) => name);
  return names.length === 0 ? "" : `Under options it takes ${names.join(", ")}.`;
}

function ownStrategy(
  make: AnyStrategyMaker,
  options: Readonly<Record<string, unknown>>,
  path: Path,
  source: Source,
): DefinedStrategy {
  try {
    return make.with(options);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const { option, message, remedy } = error;
    const name = option.replace(/^strategy\./, "");
    const [what, how] = [message, remedy].map((text) => text.replace(option, name));
    throw invalid(`${source.where(path)}:`, what, how);
  }
}

function etasOf(place: Place, steps: number | undefined): readonly (number | undefined)[] {
  const { strategy, path, source } = place;
  if (strategy.eta !== "paper") return several<number | undefined>(strategy.eta);
  const eta = paperEta(strategy.name, steps);
  if (eta !== undefined) return [eta];
  throw invalid(
    source.where([...path, "eta"]),
    `is paper, which has none for ${strategy.name} with ${steps ?? "that many"} steps`,
    "It has one for remdm-cap, remdm-rescale and remdm-loop, to 512 steps and from 1,024 on: write a number.",
  );
}
