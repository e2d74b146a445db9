/** Expands the grid: every combination that an experiment asks for, once, in the file's order. */
import type { LoadedStrategy } from "../../program/loadStrategy.ts";
import type { DefinedStrategy } from "../../sampler/definition.ts";
import { DEFAULT_TOP_P, hasNucleus } from "../../sampler/prepare.ts";
import { impliedSteps, takesSteps } from "../../sampler/strategies/find.ts";
import type { Strategy } from "../../sampler/strategy.ts";
import { invalid } from "../errors.ts";
import { cellId, type Cell } from "./cell.ts";
import { choicesOf, namesGiven, several, type Choice } from "./choices.ts";
import {
  definitionsOf,
  etaIn,
  NO_CHOICE,
  refuseTwice,
  strategyOf,
  type Place,
} from "./entryStrategy.ts";
import type { Path, Source } from "./source.ts";
import type { CellSettings, ExperimentFile, ModelEntry } from "./types.ts";

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

function* cellsOfStrategy(place: Place): Generator<Cell> {
  const { file, model, strategy: entry, path, source } = place;
  // The setting nearest to the strategy counts.
  const said = { ...settingsIn(file), ...settingsIn(model), ...settingsIn(entry) };
  const {
    samples = DEFAULT_SAMPLES,
    length,
    blockLength,
    batchSize,
    quirks = "original",
    executor = "events",
    banned = [],
    suppressed = [],
  } = said;
  refuseEmpty(place, { ...said, ...entry });
  refuseEmpty({ ...place, path: [...path, "options"] }, entry.options ?? {});
  const { kind } = strategyOf(place, NO_CHOICE);
  const definitions = place.own === undefined ? definitionsOf(kind) : [place.own.definition];
  const { options: table = {} } = definitions[0];
  refuseTwice(place, table);
  const nucleus = definitions.some((one) => hasNucleus(one, quirks));
  if (!nucleus) refuseOwnTopP(place, kind);
  const asks = definitions.every((one) => "select" in one);
  const choices = choicesOf(entry, table);
  for (const { steps, choices: some } of bySteps(place, said, choices)) {
    for (const choice of some) {
      const strategy = strategyOf(place, choice, steps);
      for (const draw of drawsOf(said, nucleus)) {
        for (const seed of several(said.seeds ?? 1)) {
          const cell = {
            model: place.modelName,
            label: entry.label ?? (place.own === undefined ? entry.name : kind),
            isLabelled: entry.label !== undefined,
            strategy,
            given: namesGiven(choice, table),
            eta: etaOf(strategy) ?? etaIn(place, choice, steps),
            steps: steps ?? impliedSteps(strategy),
            ...draw,
            // Elsewhere they say nothing, and at the strategy itself they are refused.
            suppressed: asks || entry.suppressed !== undefined ? suppressed : [],
            banned,
            seed,
            samples,
            length,
            blockLength,
            batchSize,
            quirks,
            executor,
            path,
          };
          yield { id: cellId(cell, { ...choice.beside, ...choice.options }, source), ...cell };
        }
      }
    }
  }
}

/** Groups the choices by the number of steps; undefined: those that take none. */
function bySteps(
  place: Place,
  said: CellSettings,
  choices: readonly Choice[],
): readonly { readonly steps: number | undefined; readonly choices: readonly Choice[] }[] {
  // Without the paper's eta, which depends on the steps.
  const taking = choices.filter(({ beside: { eta, ...others }, options }) => {
    const beside = { ...others, ...(typeof eta === "number" && { eta }) };
    return takesSteps(strategyOf(place, { beside, options }));
  });
  const others = choices.filter((choice) => !taking.includes(choice));
  if (others.length > 0) refuseOwnSteps(place);
  const without = others.length === 0 ? [] : [{ steps: undefined, choices: others }];
  const given = taking.length === 0 ? [] : stepsOf(place, said);
  return [...without, ...given.map((steps) => ({ steps, choices: taking }))];
}

/** Refuses a number of steps beside a strategy that finds it itself; elsewhere it says nothing. */
function refuseOwnSteps({ strategy: { name, steps }, path, source }: Place): void {
  if (steps === undefined) return;
  throw invalid(
    source.where([...path, "steps"]),
    `stands beside ${name}, whose number of steps follows from its options or its rows`,
    "Leave it out here. Steps at the model or at the top count for the strategies that take them.",
  );
}

/** Refuses a nucleus beside a strategy without one; elsewhere it says nothing. */
function refuseOwnTopP({ strategy: { topP = 1 }, path, source }: Place, kind: string): void {
  if (several(topP).every((mass) => mass === 1)) return;
  throw invalid(
    source.where([...path, "topP"]),
    `stands beside ${kind}, which has no nucleus`,
    "Leave it out here, or set quirks to paper.",
  );
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

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function stepsOf({ path, source }: Place, { steps }: CellSettings): readonly number[] {
  const given = several(steps ?? []);
  if (given.length > 0) return given;
  throw invalid(source.where(path), "has no steps", "Set steps here, at its model, or at the top.");
}

const CELL_KEYS = [
  "steps",
  "topP",
  "temperature",
  "topK",
  "banned",
  "suppressed",
  "seeds",
  "samples",
  "length",
  "blockLength",
  "batchSize",
  "quirks",
  "executor",
] as const satisfies readonly (keyof CellSettings)[];

function settingsIn(from: CellSettings): CellSettings {
  return Object.fromEntries(
    CELL_KEYS.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]),
  );
}
