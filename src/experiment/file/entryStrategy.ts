/** Makes the strategy that an entry of an experiment says. */
import { OptionError } from "../../foundation/errors.ts";
import {
  makerOf,
  type AnyStrategyMaker,
  type DefinedStrategy,
  type StrategyDefinition,
} from "../../sampler/definition.ts";
import type { AnyOptions, OptionTable } from "../../sampler/optionTable.ts";
import { BUILT_IN } from "../../sampler/strategies/builtIn.ts";
import {
  STRATEGY_SETTINGS,
  strategyNamed,
  usesIn,
  type NamedStrategy,
  type StrategySettings,
} from "../../sampler/strategies/notation.ts";
import type { Strategy } from "../../sampler/strategy.ts";
import { invalid } from "../errors.ts";
import type { Choice } from "./choices.ts";
import { paperEta } from "./paper.ts";
import type { Path, Source } from "./source.ts";
import type { ExperimentFile, ModelEntry, StrategyEntry } from "./types.ts";

/** An entry for a strategy, and where it stands. */
export interface Place {
  readonly file: ExperimentFile;
  readonly model: ModelEntry;
  readonly modelName: string;
  readonly strategy: StrategyEntry;
  readonly path: Path;
  readonly source: Source;
  /** The strategy of a module, where the entry names one. */
  readonly own: AnyStrategyMaker | undefined;
}

/** Lists the definitions of a built-in kind; the model decides between several. */
export function definitionsOf(kind: string): readonly StrategyDefinition[] {
  return BUILT_IN.filter((one) => one.kind === kind);
}

/** Nothing but the name, which decides the kind. */
export const NO_CHOICE: Choice = { beside: {}, options: {} };

/**
 * Makes the strategy of a choice.
 * @param steps where they are known: the paper's eta depends on them.
 */
export function strategyOf(
  place: Place,
  choice: Choice,
  steps?: number,
): Strategy | DefinedStrategy {
  const { path, source, own } = place;
  const eta = etaIn(place, choice, steps);
  const settings = { ...choice.beside, ...(eta !== undefined && { eta }) } as StrategySettings;
  if (own !== undefined) return ownStrategy(own, { ...choice.options, ...settings }, path, source);
  const data = named(place, settings);
  if (place.strategy.options === undefined) return data as Strategy;
  const [definition] = definitionsOf(data.kind);
  // Plain data, as all built-in strategies are.
  return { ...ownStrategy(makerOf(definition), { ...data, ...choice.options }, path, source) };
}

function named({ strategy, path, source }: Place, settings: StrategySettings): NamedStrategy {
  return strategyNamed(strategy.name, settings, {
    nameOf: (setting) => setting,
    othersOf: (options) => {
      const names = Object.keys(options);
      return names.length === 0 ? "" : `Under options it takes ${names.join(", ")}.`;
    },
    refusal: (message, remedy) => invalid(`${source.where(path)}:`, message, remedy),
  });
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

/** Gives the eta beside the name. @throws ExperimentError where the paper has none. */
export function etaIn(
  place: Place,
  { beside }: Choice,
  steps: number | undefined,
): number | undefined {
  if (beside.eta !== "paper") return beside.eta;
  const { strategy, path, source } = place;
  const eta = paperEta(strategy.name, steps);
  if (eta !== undefined) return eta;
  throw invalid(
    source.where([...path, "eta"]),
    `is paper, which has none for ${strategy.name} with ${steps ?? "that many"} steps`,
    "It has one for remdm-cap, remdm-rescale and remdm-loop, to 512 steps and from 1,024 on: write a number.",
  );
}

/** Refuses an option that stands among `options` and beside the name, or that the name says. */
export function refuseTwice(place: Place, table: OptionTable): void {
  const { strategy, path, source } = place;
  const saidByName: AnyOptions = place.own === undefined ? named(place, {}) : {};
  const beside = STRATEGY_SETTINGS.filter((key) => strategy[key] !== undefined);
  const settings = new Map(usesIn("", table).map(({ setting, name }) => [name, setting]));
  for (const name of Object.keys(strategy.options ?? {})) {
    const where = source.where([...path, "options", name]);
    const what = saidByName[name];
    if (name !== "kind" && what !== undefined && typeof what !== "number") {
      throw invalid(where, `is said by the name ${strategy.name} too`, "Leave one of them out.");
    }
    // In a combination, eta is the cap or the rescaling that the name has.
    const etaToo = what !== undefined && settings.has(name) && !Object.hasOwn(table, "eta");
    const keys: unknown[] = [name, settings.get(name), ...(etaToo ? ["eta"] : [])];
    if (!beside.some((key) => keys.includes(key))) continue;
    const remedy = "Say it in one place: beside the name, or in options.";
    throw invalid(where, "stands beside the name too", remedy);
  }
}
