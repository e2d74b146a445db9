/** Reads the options that a strategy entry says, each alone or as a list to be tried one by one. */
import { isRecord } from "../../foundation/checks.ts";
import type { OptionTable, StrategyOption } from "../../sampler/optionTable.ts";
import {
  STRATEGY_SETTINGS,
  usesIn,
  type StrategySetting,
} from "../../sampler/strategies/notation.ts";
import type { StrategyEntry } from "./types.ts";

/** One of the combinations of options that an entry asks for, as the file has them. */
export interface Choice {
  /** What stands beside the name. */
  readonly beside: Readonly<Partial<Record<StrategySetting, number | "paper">>>;
  /** What stands among `options`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Lists the combinations of an entry, in the order of the file.
 * @param table of the options that its strategy has.
 */
export function choicesOf(entry: StrategyEntry, table: OptionTable): Choice[] {
  const beside = combinations(
    STRATEGY_SETTINGS.flatMap((key) => {
      const given = entry[key];
      return given === undefined ? [] : [[key, several(given)] as const];
    }),
  );
  const options = combinations(
    Object.entries(withoutNotes(entry.options ?? {})).map(([name, given]) => {
      const option = Object.hasOwn(table, name) ? table[name] : undefined;
      return [name, valuesOf(option, given)] as const;
    }),
  );
  return beside.flatMap((one) => options.map((other) => ({ beside: one, options: other })));
}

/** Names the options of a table that an entry gives, wherever it says them. */
export function namesGiven({ beside, options }: Choice, table: OptionTable): string[] {
  const settings = new Map(usesIn("", table).map(({ setting, name }) => [setting, name]));
  const names = Object.keys(beside).map((key) => settings.get(key) ?? optionWith(key, table));
  // The paper's eta is not a number of the file.
  const own = names.filter((name) => name !== "eta" || beside.eta !== "paper");
  return [...new Set([...own, ...Object.keys(options)])];
}

/** Finds the option that a setting is a part of, as `tOn` is of `window`, or another name for. */
function optionWith(setting: string, table: OptionTable): string {
  // `etaCap` of remdm-cap is its eta; the eta of a combination has no option of that name.
  const other = Object.hasOwn(table, "eta") ? "eta" : setting;
  const [name = other] =
    Object.entries(table).find(
      ([, option]) =>
        option.type === "variant" &&
        Object.values(option.variants).some((one) => Object.hasOwn(one, setting)),
    ) ?? [];
  return name;
}

/** Makes a list of one value, or takes the values of a list. */
export function several<T>(given: T | readonly T[]): readonly T[] {
  return Array.isArray(given) ? (given as readonly T[]) : [given as T];
}

/** Splits what is given for an option into values; a list of integers is one value of `counts`. */
function valuesOf(option: StrategyOption | undefined, given: unknown): readonly unknown[] {
  if (option?.type === "integers") {
    return Array.isArray(given) && given.some(Array.isArray) ? (given as unknown[]) : [given];
  }
  return option?.type === "variant" ? several(given).map(variant) : several(given);
}

/** Reads `loop` as `{ kind: loop }`. */
function variant(given: unknown): unknown {
  if (typeof given === "string") return { kind: given };
  return isRecord(given) ? withoutNotes(given) : given;
}

function withoutNotes(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !key.startsWith("x-")));
}

/** Combines the values of several keys; the last key changes fastest. */
function combinations<Key extends string, Value>(
  axes: readonly (readonly [Key, readonly Value[]])[],
): Readonly<Partial<Record<Key, Value>>>[] {
  return axes.reduce<Partial<Record<Key, Value>>[]>(
    (before, [key, values]) => before.flatMap((one) => values.map((v) => ({ ...one, [key]: v }))),
    [{}],
  );
}
