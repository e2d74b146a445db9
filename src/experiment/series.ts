/** Results as lines of a chart: a line a strategy, a point a number of steps. */
import type { CellResult } from "./results.ts";

export interface Measured {
  readonly value: number | null;
  /** Half of the error bar. */
  readonly error: number | null;
}

export interface Metric {
  readonly file: string;
  readonly title: string;
  readonly axis: string;
  readonly from: (result: CellResult) => Measured | undefined;
  /** What real text has. */
  readonly reference?: (result: CellResult) => number | null | undefined;
  readonly fromZero?: boolean;
  readonly isShare?: boolean;
}

export interface Point {
  /** undefined: the strategy takes no steps. */
  readonly steps: number | undefined;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly collapsed: boolean;
}

export interface Series {
  readonly name: string;
  /** By steps. */
  readonly points: readonly Point[];
}

/**
 * Seeds of the same cell become one point, their mean; its error is then the standard deviation between them.
 * @returns in the order of the experiment; without those that have no value.
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

/** The strategy's label, with as much more as tells it from the others. */
function seriesNames(results: readonly CellResult[]): (result: CellResult) => string {
  const plain = ({ label }: CellResult): string => label;
  const distinct = (of: (result: CellResult) => unknown, label: string): boolean =>
    new Set(results.filter((result) => plain(result) === label).map(of)).size > 1;
  return (result) => {
    const { label, model, eta, topP } = result;
    // The paper's eta goes with the steps: one line all the same.
    const bySteps = new Map<unknown, unknown>();
    const isOneEtaAStep = results
      .filter((one) => one.label === label)
      .every(({ steps, eta: its }) => {
        if (!bySteps.has(steps)) bySteps.set(steps, its);
        return bySteps.get(steps) === its;
      });
    return [
      label,
      ...(distinct((one) => one.model, label) ? [model] : []),
      ...(!isOneEtaAStep && eta !== null ? [`eta ${eta}`] : []),
      ...(distinct((one) => one.topP, label) ? [`p ${topP ?? 1}`] : []),
    ].join(", ");
  };
}

function isFinite(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
