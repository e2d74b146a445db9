/** Turns results into lines: one for each strategy, with a point for each number of steps. */
import { ownValue } from "../../../foundation/checks.ts";
import type { Measured } from "../../output/measures.ts";
import type { CellResult } from "../../run/results.ts";
import { differing, variantOf } from "../../output/variants.ts";

/** How a chart shows a measure. */
export interface Metric {
  /** Name of the chart's file, without directory and ending. */
  readonly file: string;
  readonly title: string;
  readonly axis: string;
  /** Explains the error bars, below the chart. */
  readonly note?: string;
  /** The largest possible value. Default: no limit; 1 for a share. */
  readonly most?: number;
  readonly isShare?: boolean;
}

/** A point of a line, with its error bar. */
export interface Point {
  /** undefined: the strategy takes no steps. */
  readonly steps: number | undefined;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly collapsed: boolean;
}

/** A line of a chart. */
export interface Series {
  readonly name: string;
  /** In the order of their steps. */
  readonly points: readonly Point[];
}

/**
 * Makes the lines of a measure. Cells that differ in nothing except the seed become one point:
 * their mean, whose error is the standard deviation between them.
 * @returns lines in the order of the experiment, without lines that have no value.
 */
export function chartSeries(
  results: readonly CellResult[],
  from: (result: CellResult) => Measured | undefined,
): Series[] {
  const nameOf = seriesNames(results);
  const groups = new Map<string, Map<number | undefined, CellResult[]>>();
  for (const result of results) {
    const bySteps = groups.get(nameOf(result)) ?? new Map<number | undefined, CellResult[]>();
    groups.set(nameOf(result), bySteps);
    const steps = result.steps ?? undefined;
    bySteps.set(steps, [...(bySteps.get(steps) ?? []), result]);
  }
  const series = [...groups].map(([name, bySteps]) => ({
    name,
    points: [...bySteps]
      .flatMap(([steps, group]) => pointOf(steps, group, from) ?? [])
      .sort((a, b) => (a.steps ?? 0) - (b.steps ?? 0)),
  }));
  return series.filter(({ points }) => points.length > 0);
}

function pointOf(
  steps: number | undefined,
  group: readonly CellResult[],
  from: (result: CellResult) => Measured | undefined,
): Point | undefined {
  const measured = group.flatMap((result) => from(result) ?? []);
  const values = measured.flatMap(({ value }) => (isFinite(value) ? [value] : []));
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const between = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const own = measured[0].error;
  const error =
    values.length > 1 ? Math.sqrt(between / (values.length - 1)) : isFinite(own) ? own : 0;
  const collapsed = group.some(({ evaluation }) => evaluation.collapse.collapsed);
  return { steps, value: mean, low: mean - error, high: mean + error, collapsed };
}

/** Names a line by its label and the settings, except steps and seed, in which its cells differ. */
function seriesNames(results: readonly CellResult[]): (result: CellResult) => string {
  const keys = new Map<string, readonly string[]>();
  for (const { label } of results) {
    if (keys.has(label)) continue;
    const differs = differing(results, label);
    keys.set(label, hasOneEtaAStep(results, label) ? differs.filter((k) => k !== "eta") : differs);
  }
  return (result) => {
    const variant = variantOf(result);
    const parts = (keys.get(result.label) ?? []).map((key) => {
      if (key === "model") return result.model;
      return `${key} ${ownValue(variant, key) ?? "none"}`;
    });
    return [result.label, ...parts].join(", ");
  };
}

/** Tells whether eta follows from the steps, as the paper's does: such cells are one line. */
function hasOneEtaAStep(results: readonly CellResult[], label: string): boolean {
  const bySteps = new Map<unknown, unknown>();
  return results
    .filter((one) => one.label === label)
    .every(({ steps, eta }) => {
      if (!bySteps.has(steps)) bySteps.set(steps, eta);
      return bySteps.get(steps) === eta;
    });
}

function isFinite(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
