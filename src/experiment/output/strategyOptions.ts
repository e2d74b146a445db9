/** Which options of strategies the tables and charts show, and how they are written. */
import { isRecord } from "../../foundation/checks.ts";
import { written, type OptionTable, type StrategyOption } from "../../sampler/optionTable.ts";
import { BUILT_IN } from "../../sampler/strategies/builtIn.ts";
import { remdm } from "../../sampler/strategies/remdm.ts";
import type { CellResult } from "../run/results.ts";

/** Returns the options of a result's strategy, those that its data leave out too. */
export function optionsOf({ settings, eta }: CellResult): Readonly<Record<string, unknown>> {
  const { kind, ...said } = isRecord(settings.strategy) ? settings.strategy : {};
  const options: Record<string, unknown> = { ...defaultsOf(tableOf(kind)), ...said };
  const bound = kind === remdm.definition.kind ? boundIn(said, eta) : undefined;
  const value = bound === undefined ? (options.eta ?? eta ?? undefined) : options[bound];
  const others = Object.entries(options).filter(([name]) => name !== bound && name !== "eta");
  return { ...(value !== undefined && { eta: value }), ...Object.fromEntries(others) };
}

/** Finds the option of the family that the name of a combination calls eta: its one bound. */
function boundIn(said: Readonly<Record<string, unknown>>, eta: number | null): string | undefined {
  const bounds = ["cap", "rescale"].filter((name) =>
    eta === null ? (said[name] ?? 1) !== 1 : said[name] === eta,
  );
  return bounds.length === 1 ? bounds[0] : undefined;
}

/** An option as tables show it: strategies in which it means the same share it. */
export interface ShownOption {
  readonly title: string;
  /** Writes the value; empty where the strategy has no such option. */
  readonly show: (result: CellResult) => string;
}

/**
 * Lists the options that somebody must know to read the results: eta, those that the experiment
 * gives, those that are not at their defaults, and those in which results of one kind differ.
 */
export function shownOptions(results: readonly CellResult[]): ShownOption[] {
  const uses = results.flatMap((result) =>
    Object.entries(optionsOf(result)).map(([name, value]): Use => {
      const kind = kindOf(result);
      const option = optionIn(kind, name);
      const isGiven = name === "eta" || (result.given ?? []).includes(name);
      const isUsual = option === undefined || written(value) === written(defaultOf(option));
      const meaning = `${name} in ${rangeOf(option)}`;
      return { result, name, meaning, kind, text: written(value), isShown: isGiven || !isUsual };
    }),
  );
  const meanings = groupsOf(uses, ({ meaning }) => meaning);
  const shown = meanings.filter((same) => same.some(({ isShown }) => isShown) || differs(same));
  return shown.map((same) => {
    const [{ name }] = same;
    const isAlone = shown.filter(([other]) => other.name === name).length === 1;
    const kinds = [...new Set(same.map(({ kind }) => kind))].join(", ");
    const texts = new Map(same.map(({ result, text }) => [result, text]));
    return {
      title: isAlone ? name : `${name} (${kinds})`,
      show: (result) => texts.get(result) ?? "",
    };
  });
}

/** An option of one result. */
interface Use {
  readonly result: CellResult;
  readonly name: string;
  /** Tells options of one name apart: eta of `p2` is a weight and no chance. */
  readonly meaning: string;
  readonly kind: string;
  readonly text: string;
  readonly isShown: boolean;
}

function differs(uses: readonly Use[]): boolean {
  const byKind = groupsOf(uses, ({ kind }) => kind);
  return byKind.some((same) => new Set(same.map(({ text }) => text)).size > 1);
}

/** Groups uses, in the order of their appearance. */
function groupsOf(uses: readonly Use[], key: (use: Use) => string): (readonly Use[])[] {
  const keys = [...new Set(uses.map(key))];
  return keys.map((one) => uses.filter((use) => key(use) === one));
}

function kindOf({ settings, label }: CellResult): string {
  const { kind } = isRecord(settings.strategy) ? settings.strategy : {};
  return typeof kind === "string" ? kind : label;
}

function optionIn(kind: string, name: string): StrategyOption | undefined {
  const table = tableOf(kind);
  if (kind === remdm.definition.kind && name === "eta") return table.cap; // as boundIn finds it
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Finds the options of a built-in kind; those of other strategies are not known here. */
function tableOf(kind: unknown): OptionTable {
  return BUILT_IN.find((one) => one.kind === kind)?.options ?? {};
}

function defaultsOf(table: OptionTable): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, defaultOf(option)]),
  );
}

function defaultOf(option: StrategyOption): unknown {
  if (option.type === "choice") return option.default ?? option.choices[0];
  return "default" in option ? option.default : undefined;
}

function rangeOf(option: StrategyOption | undefined): string {
  return option !== undefined && "range" in option ? option.range : "";
}
