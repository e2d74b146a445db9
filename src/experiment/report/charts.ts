/** Which charts an experiment has, and the files that they go to. */
import { chartSeries, type Metric } from "./series.ts";
import { drawLines } from "./lineChart.ts";
import { standalone, type Chart } from "./drawing.ts";
import { drawScatter } from "./scatterChart.ts";
import type { OutputDirectory } from "../run/directory.ts";
import { reportOf } from "./report.ts";
import type { CellResult } from "../output/results.ts";
import { MAUVE_ERROR } from "../output/table.ts";

const MAUVE_BARS = `MAUVE's bars: ${MAUVE_ERROR}.`;

const METRICS: readonly Metric[] = [
  {
    file: "mauve-by-steps",
    title: "MAUVE by number of steps",
    axis: "MAUVE (higher is better)",
    from: ({ evaluation: { mauve } }) =>
      mauve && { value: mauve.mean, error: mauve.standardDeviation },
    note: MAUVE_BARS,
    most: 1,
  },
  {
    file: "perplexity-by-steps",
    title: "Generative perplexity by number of steps",
    axis: "generative perplexity (lower is better, beside entropy)",
    from: ({ evaluation: { genPpl } }) =>
      genPpl && { value: genPpl.value, error: genPpl.standardError },
    reference: ({ evaluation: { references } }) => references?.genPpl?.value,
  },
  {
    file: "entropy-by-steps",
    title: "Entropy by number of steps",
    axis: "entropy of a sample's tokens (nats)",
    from: ({ evaluation: { entropy } }) => ({ value: entropy.mean, error: entropy.standardError }),
    reference: ({ evaluation: { references } }) => references?.entropy?.mean,
  },
  {
    file: "known-words-by-steps",
    title: "Known words by number of steps",
    axis: "share of known words among those of 3 letters and more",
    from: ({ evaluation: { knownWords } }) =>
      knownWords === undefined ? undefined : { value: knownWords, error: null },
    reference: ({ evaluation: { references } }) => references?.knownWords,
    isShare: true,
  },
];

/**
 * Writes `charts/*.svg`, each fit to stand alone, and `report.html` with all of them in it.
 * @throws RemdmError output_failed.
 */
export async function writeCharts(
  directory: Pick<OutputDirectory, "write">,
  name: string,
  results: readonly CellResult[],
): Promise<void> {
  const charts = await chartsOf(results);
  for (const chart of charts) directory.write(`charts/${chart.file}.svg`, standalone(chart));
  directory.write("report.html", reportOf(name, results, charts));
}

/** Those for which the results have numbers. */
export async function chartsOf(results: readonly CellResult[]): Promise<Chart[]> {
  const charts: Chart[] = [];
  for (const metric of METRICS) {
    const series = chartSeries(results, metric.from);
    if (series.length === 0) continue;
    charts.push(await drawLines(metric, series, referenceOf(results, metric)));
  }
  const [mauve, perplexity] = METRICS;
  const [across, up] = [chartSeries(results, perplexity.from), chartSeries(results, mauve.from)];
  if (across.length > 0 && up.length > 0) {
    const title = "MAUVE against generative perplexity";
    const axes = [[perplexity, across] as const, [mauve, up] as const] as const;
    charts.push(await drawScatter("mauve-by-perplexity", title, ...axes));
  }
  return charts;
}

/** What real text has, where the results agree on it. */
function referenceOf(results: readonly CellResult[], { reference }: Metric): number | undefined {
  if (reference === undefined) return undefined;
  const values = results.map(reference).filter((value) => typeof value === "number");
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const agree = values.every((value) => Math.abs(value - mean) <= 0.02 * Math.abs(mean));
  return values.length > 0 && agree ? mean : undefined;
}
