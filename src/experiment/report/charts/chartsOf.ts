/** Which charts an experiment has: each charted measure by steps, and MAUVE against perplexity. */
import {
  MAUVE,
  MEASURES,
  PERPLEXITY,
  type ChartedMeasure,
  type Measure,
} from "../../output/measures.ts";
import type { CellResult } from "../../run/results.ts";
import type { Chart } from "./drawing.ts";
import { drawLines } from "./lineChart.ts";
import { drawScatter } from "./scatterChart.ts";
import { chartSeries, type Metric } from "./series.ts";

/** Draws the charts for which the results have numbers. */
export async function chartsOf(results: readonly CellResult[]): Promise<Chart[]> {
  const charts: Chart[] = [];
  for (const measure of MEASURES.filter(isCharted)) {
    const series = chartSeries(results, measure.of);
    if (series.length === 0) continue;
    charts.push(await drawLines(metricOf(measure), series, realValue(results, measure)));
  }
  const [across, up] = [chartSeries(results, PERPLEXITY.of), chartSeries(results, MAUVE.of)];
  if (across.length > 0 && up.length > 0) {
    const title = "MAUVE against generative perplexity";
    const axes = [[metricOf(PERPLEXITY), across] as const, [metricOf(MAUVE), up] as const] as const;
    charts.push(await drawScatter("mauve-by-perplexity", title, ...axes));
  }
  return charts;
}

function isCharted(measure: Measure): measure is ChartedMeasure {
  return measure.chart !== undefined;
}

function metricOf({ better, unit, most, chart }: ChartedMeasure): Metric {
  const direction = better === undefined ? [] : [`${better} is better`];
  const remarks = [...direction, ...(chart.unit === undefined ? [] : [chart.unit])].join(", ");
  return {
    file: `${chart.file}-by-steps`,
    title: `${chart.name} by number of steps`,
    axis: remarks === "" ? chart.axis : `${chart.axis} (${remarks})`,
    isShare: unit === "share",
    ...(most !== undefined && { most }),
    ...(chart.bars !== undefined && { note: chart.bars }),
  };
}

/** Gives the value of real text, where the results agree on it. */
function realValue(results: readonly CellResult[], { ofReal }: Measure): number | undefined {
  if (ofReal === undefined) return undefined;
  const values = results
    .map((result) => ofReal(result)?.value)
    .filter((value) => typeof value === "number");
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const agree = values.every((value) => Math.abs(value - mean) <= 0.02 * Math.abs(mean));
  return values.length > 0 && agree ? mean : undefined;
}
