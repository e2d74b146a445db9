/** Finds the settings in which results of a label differ: lines and columns are named by them. */
import { isRecord, ownValue } from "../../foundation/checks.ts";
import type { CellResult } from "../run/results.ts";

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
];

/** Writes a setting that results have only where it is not the default. */
export function numberOr(setting: unknown, usual: string): string {
  return typeof setting === "number" ? String(setting) : usual;
}

/** Gives everything that the samples of a cell depend on, except steps and seed. */
export function variantOf({ model, eta, topP, samples, settings }: CellResult): Variant {
  const strategy = isRecord(settings.strategy) ? settings.strategy : {};
  // A combined strategy has its eta under another name.
  const others = Object.entries(strategy).filter(([key, value]) => {
    return key !== "eta" && !(eta !== null && value === eta);
  });
  const more = Object.entries(settings).filter(([key]) => !ELSEWHERE.includes(key));
  return {
    model,
    ...(eta !== null && { eta: String(eta) }),
    p: topP === null ? "none" : String(topP),
    temperature: numberOr(settings.temperature, "1"),
    "top-k": numberOr(settings.topK, "all"),
    samples: String(samples),
    ...Object.fromEntries([...others, ...more].flatMap(said)),
  };
}

function said([key, value]: readonly [string, unknown]): [string, string][] {
  if (value === null || value === undefined) return [];
  return [[key, typeof value === "string" ? value : JSON.stringify(value)]];
}

/** Names the settings in which the results of a label differ, in the order of their appearance. */
export function differing(results: readonly CellResult[], label: string): string[] {
  const variants = results.filter((result) => result.label === label).map(variantOf);
  const keys = new Set(variants.flatMap((variant) => Object.keys(variant)));
  return [...keys].filter(
    (key) => new Set(variants.map((variant) => ownValue(variant, key))).size > 1,
  );
}
