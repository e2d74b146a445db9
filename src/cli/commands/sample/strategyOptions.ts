/** Makes the flags of strategies from the option tables, and reads strategies from flags. */
import { isStrategyModule, loadStrategy } from "../../../program/loadStrategy.ts";
import type { DefinedStrategy } from "../../../sampler/definition.ts";
import type { OptionTable } from "../../../sampler/optionTable.ts";
import { BUILT_IN } from "../../../sampler/strategies/builtIn.ts";
import type { Strategy } from "../../../sampler/strategy.ts";
import {
  SETTING_USES,
  STRATEGY_SETTINGS,
  strategyNamed,
  usesIn,
  type Speaker,
  type StrategySettings,
} from "../../../sampler/strategies/notation.ts";
import { UsageError } from "../../usage.ts";

/** The flags that belong to a strategy, as commander hands them over. */
export type StrategyFlags = StrategySettings;

const SPEAKER: Speaker = {
  nameOf: kebab,
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
  const { options = {} } = BUILT_IN.find(({ kind }) => kind === strategy.kind) ?? {};
  const flagged = usesIn(strategy.kind, options);
  const useOf = (name: string) => flagged.find((use) => use.name === name);
  const others = Object.fromEntries(
    Object.entries(options).filter(([name]) => useOf(name) === undefined),
  );
  const pairs = strategyOption.map((pair) => {
    const [name, ...rest] = pair.split("=");
    const use = useOf(name);
    if (use === undefined) return readPair(pair, strategy.kind, others);
    const flag = kebab(use.setting);
    throw new UsageError(
      `--strategy-option ${pair} says what ${flag} says`,
      `Write ${flag} ${rest.join("=")}.`,
    );
  });
  return { ...strategy, ...Object.fromEntries(pairs) } as Strategy;
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
  if (strategy === undefined || !isStrategyModule(strategy)) return undefined;
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
  const given = strategyOption.map((pair) => readPair(pair, make.definition.kind, table));
  const options = new Map<string, unknown>([
    ...settings.map((one) => [one, flags[one]] as const),
    ...given,
  ]);
  return make.with(Object.fromEntries(options));
}

/**
 * Reads `eta=0.1`, `of=drawn`, `counts=3,2,1` or `window=loop` by the type that the option table
 * says; ranges are checked later.
 */
function readPair(pair: string, kind: string, table: OptionTable = {}): readonly [string, unknown] {
  const [name, ...rest] = pair.split("=");
  const text = rest.join("=");
  if (rest.length === 0) {
    throw new UsageError(`--strategy-option ${pair} has no value`, optionsOf(table));
  }
  if (!Object.hasOwn(table, name)) {
    throw new UsageError(
      `--strategy-option ${pair} names no option of the strategy ${kind}`,
      optionsOf(table),
    );
  }
  switch (table[name].type) {
    case "flag":
      return [name, text === "true" ? true : text === "false" ? false : text];
    case "choice":
      return [name, text];
    case "integers":
      return [name, text.split(",").map(numberOrText)];
    case "variant":
      return [name, { kind: text }];
    default:
      return [name, numberOrText(text)];
  }
}

function numberOrText(text: string): number | string {
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

function optionsOf(table: OptionTable): string {
  const names = Object.keys(table);
  if (names.length === 0) return "Leave it out: this strategy has none.";
  return `Write --strategy-option NAME=VALUE; its options are ${names.join(", ")}.`;
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

/** `etaCap` is `--eta-cap`. */
function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
