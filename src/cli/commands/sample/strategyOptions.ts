/** Makes the flags of strategies from the option tables, and reads strategies from flags. */
import { isModuleName } from "../../../program/loadExport.ts";
import { loadStrategy } from "../../../program/loadStrategy.ts";
import type { DefinedStrategy } from "../../../sampler/definition.ts";
import type { OptionTable, StrategyOption } from "../../../sampler/optionTable.ts";
import { BUILT_IN } from "../../../sampler/strategies/builtIn.ts";
import type { Strategy } from "../../../sampler/strategy.ts";
import {
  SETTING_USES,
  STRATEGY_SETTINGS,
  strategyNamed,
  usesIn,
  withoutNumbers,
  type Speaker,
  type StrategySettings,
} from "../../../sampler/strategies/notation.ts";
import { UsageError } from "../../usage.ts";

/** The flags that belong to a strategy, as commander hands them over. */
export type StrategyFlags = StrategySettings;

const SPEAKER: Speaker = {
  nameOf: kebab,
  othersOf: (table) =>
    Object.keys(table).length === 0 ? "" : `With --strategy-option it takes ${listed(table)}.`,
  refusal: (message, remedy) => new UsageError(message, remedy),
};

/**
 * @returns the strategy with every option filled in.
 * @throws UsageError for a name that is none, or a flag that this strategy does not use.
 */
export function strategyOf(name: string, flags: NamedStrategyFlags): Strategy {
  const strategy = strategyNamed(name, flags, SPEAKER);
  const { strategyOption = [] } = flags;
  if (strategyOption.length === 0) return strategy as Strategy;
  const { kind } = strategy;
  const { options = {} } = BUILT_IN.find((one) => one.kind === kind) ?? {};
  const uses = usesIn(kind, options);
  for (const pair of strategyOption) {
    const [option, ...rest] = pair.split("=");
    const use = uses.find((one) => one.name === option);
    if (use === undefined) continue;
    const flag = kebab(use.setting);
    throw new UsageError(
      `--strategy-option ${pair} says what ${flag} says`,
      `Write ${flag} ${rest.join("=")}.`,
    );
  }
  return { ...strategy, ...readPairs(strategyOption, kind, withoutNumbers(options)) } as Strategy;
}

/** What commander hands over for a strategy that has a name. */
export interface NamedStrategyFlags extends StrategyFlags {
  /** `name=value` each. */
  readonly strategyOption?: readonly string[];
}

/** What commander hands over for a strategy of a module. */
export interface OwnStrategyFlags extends NamedStrategyFlags {
  readonly strategy?: string;
  readonly predictor?: string;
}

/**
 * Loads the strategy of a module that `--strategy` names: `./mine.js#name`.
 * @returns undefined where `--strategy` names none.
 * @throws UsageError; OptionError for a module without that strategy, or an option out of range.
 */
export async function ownStrategy(flags: OwnStrategyFlags): Promise<DefinedStrategy | undefined> {
  const { strategy, predictor, strategyOption = [] } = flags;
  if (strategy === undefined || !isModuleName(strategy)) return undefined;
  if (predictor !== undefined) {
    throw new UsageError("--predictor is for built-in strategies", "Leave it out.");
  }
  const { make } = await loadStrategy(strategy, process.cwd());
  const table = make.definition.options ?? {};
  const settings = STRATEGY_SETTINGS.filter((one) => flags[one] !== undefined);
  const stray = settings.find((one) => !Object.hasOwn(table, one));
  if (stray !== undefined) {
    throw new UsageError(
      `${kebab(stray)} is not an option of the strategy ${make.definition.kind}`,
      optionsOf(table),
    );
  }
  return make.with({
    ...Object.fromEntries(settings.map((one) => [one, flags[one]])),
    ...readPairs(strategyOption, make.definition.kind, table),
  });
}

/**
 * Reads `eta=0.1`, `of=drawn`, `counts=3,2,1`, `window=loop` and `window.tOn=0.6` by the types that
 * the option table says; ranges are checked later. Where a name stands twice, the last one counts.
 */
function readPairs(
  pairs: readonly string[],
  kind: string,
  table: OptionTable = {},
): Readonly<Record<string, unknown>> {
  const said = new Map(pairs.map((pair) => split(pair, table)));
  const known = new Map(
    Object.entries(table).flatMap(([name, option]): [string, StrategyOption][] => [
      [name, option],
      ...partsOf(name, option, said.get(name)),
    ]),
  );
  const options: Record<string, unknown> = {};
  for (const [name, text] of said) {
    const option = known.get(name);
    if (option === undefined) {
      throw new UsageError(
        `--strategy-option ${name}=${text} names no option of the strategy ${kind}`,
        optionsOf(table),
      );
    }
    if (!Object.hasOwn(table, name)) continue;
    const parts = partsOf(name, option, text).flatMap(([part, its]) => {
      const value = said.get(part);
      return value === undefined ? [] : [[part.slice(name.length + 1), valueOf(its, value)]];
    });
    const value = valueOf(option, text);
    options[name] =
      option.type === "variant" ? { kind: value, ...Object.fromEntries(parts) } : value;
  }
  return options;
}

/** Lists the options of a variant, once its kind is said: `window.tOn`, ... */
function partsOf(
  name: string,
  option: StrategyOption,
  kind: string | undefined,
): [string, StrategyOption][] {
  if (option.type !== "variant" || kind === undefined || !Object.hasOwn(option.variants, kind)) {
    return [];
  }
  const parts = Object.entries(option.variants[kind]);
  return parts.map(([part, its]) => [`${name}.${part}`, its]);
}

function split(pair: string, table: OptionTable): [string, string] {
  const [name, ...rest] = pair.split("=");
  if (rest.length > 0) return [name, rest.join("=")];
  throw new UsageError(`--strategy-option ${pair} has no value`, optionsOf(table));
}

function valueOf(option: StrategyOption, text: string): unknown {
  switch (option.type) {
    case "flag":
      return text === "true" ? true : text === "false" ? false : text;
    case "choice":
    case "variant":
      return text;
    case "integers":
      return text.split(",").map(numberOrText);
    default:
      return numberOrText(text);
  }
}

function numberOrText(text: string): number | string {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function optionsOf(table: OptionTable): string {
  if (Object.keys(table).length === 0) return "Leave it out: this strategy has none.";
  return `Write --strategy-option NAME=VALUE; its options are ${listed(table)}.`;
}

/** Lists names, and what a variant may be: `eta, window (loop with window.tOn; switch)`. */
function listed(table: OptionTable): string {
  const names = Object.entries(table).map(([name, option]) => {
    if (option.type !== "variant") return name;
    const kinds = Object.keys(option.variants).map((kind) => {
      const parts = partsOf(name, option, kind).map(([part]) => part);
      return parts.length === 0 ? kind : `${kind} with ${parts.join(", ")}`;
    });
    return `${name} (${kinds.join("; ")})`;
  });
  return names.join(", ");
}

/** A flag of a strategy's option, for `--help`. */
export interface StrategyFlag {
  /** `--eta-cap <x>` */
  readonly flag: string;
  readonly help: string;
}

/** One flag for each option that is a number, whatever strategies have it. */
export function strategyFlags(): readonly StrategyFlag[] {
  return STRATEGY_SETTINGS.map((setting) => ({
    flag: `${kebab(setting)} <x>`,
    help: helpOf(setting),
  }));
}

/** Strategies for which an option means the same are named together. */
function helpOf(setting: string): string {
  const owners = new Map<string, string[]>();
  for (const { owner, option } of SETTING_USES.filter((use) => use.setting === setting)) {
    const meaning = `${option.help}, in ${option.shown ?? option.range} (default: ${option.default})`;
    owners.set(meaning, [...(owners.get(meaning) ?? []), owner]);
  }
  return Array.from(owners, ([meaning, names]) => `${names.join(", ")}: ${meaning}`).join("; ");
}

/** Says a setting as its flag does, `eta-cap`, and an option without a flag as it is: `maxAge`. */
export function wordsOf(name: string): string {
  return STRATEGY_SETTINGS.some((one) => one === name) ? kebab(name).slice(2) : name;
}

/** `etaCap` is `--eta-cap`. */
export function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
