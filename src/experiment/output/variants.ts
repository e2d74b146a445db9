/** Finds the settings in which results of a label differ: lines and columns are named by them. */
import { written } from "../../sampler/optionTable.ts";
import { isRecord, ownValue } from "../../foundation/checks.ts";
import type { CellResult } from "../run/results.ts";
import { optionsOf } from "./strategyOptions.ts";

/** Settings by the names that people see; a setting that a cell does not have is absent. */
export type Variant = Readonly<Record<string, string>>;

/** Settings that have another name here, or a column of their own. */
const ELSEWHERE = [
  "label",
  "model",
  "strategy",
  "steps",
  "topP",
  "temperature",
  "topK",
  "seed",
  "samples",
  "compat",
];

/** Settings that name tokens; results have them only where they name any. */
export const TOKEN_SETTINGS = ["banned", "suppressed"] as const;

/** Writes a setting that results have only where it is not the default. */
export function numberOr(setting: unknown, usual: string): string {
  return typeof setting === "number" ? String(setting) : usual;
}

/** Gives everything that the samples of a cell depend on, except steps and seed. */
export function variantOf(result: CellResult): Variant {
  const { model, topP, samples, settings } = result;
  const strategy = isRecord(settings.strategy) ? settings.strategy : {};
  const more = Object.entries(settings).filter(([key]) => !ELSEWHERE.includes(key));
  const { compat } = settings;
  return {
    model,
    ...texts(Object.entries(optionsOf(result))),
    p: topP === null ? "none" : String(topP),
    temperature: numberOr(settings.temperature, "1"),
    "top-k": numberOr(settings.topK, "all"),
    samples: String(samples),
    ...texts([
      ["kind", strategy.kind],
      ["quirks", compat === "remdm" ? "original" : compat],
      ...more,
    ]),
  };
}

function texts(entries: readonly (readonly [string, unknown])[]): Record<string, string> {
  const said = entries.filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(said.map(([key, value]) => [key, written(value)]));
}

/** Names the settings in which the results of a label differ, in the order of their appearance. */
export function differing(results: readonly CellResult[], label: string): string[] {
  const variants = results.filter((result) => result.label === label).map(variantOf);
  const keys = new Set(variants.flatMap((variant) => Object.keys(variant)));
  return [...keys].filter(
    (key) => new Set(variants.map((variant) => ownValue(variant, key))).size > 1,
  );
}
