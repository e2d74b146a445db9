/** A metric against the number of steps: a line a strategy, with error bars, named at its end. */
import type { Markish, PlotOptions } from "@observablehq/plot";
import { spread } from "./labels.ts";
import { frame, HEIGHT, LINE_HEIGHT, lookOf, MARGINS, QUIET, scaleOf, WIDTH } from "./look.ts";
import {
  BARS,
  collapseNote,
  dots,
  endLabel,
  errorBars,
  levelNote,
  openCanvas,
  standalone,
  type EndLabel,
} from "./marks.ts";
import type { Metric, Series } from "./series.ts";

/**
 * Strategies without steps are level lines.
 * @param reference what real text has, a dotted line.
 * @returns SVG that can stand alone.
 */
export async function drawLines(
  metric: Metric,
  series: readonly Series[],
  reference: number | undefined,
): Promise<string> {
  const { plot, draw } = await openCanvas();
  const rows = series.map((one, i) => ({ ...one, ...lookOf(i) }));
  const points = rows.flatMap((row) => row.points);
  const y = scaleOf(metric, points, reference);
  const steps = [...new Set(points.flatMap((point) => point.steps ?? []))].sort((a, b) => a - b);
  const domain = stepsDomain(steps);
  const [, edge] = domain; // where those without steps have their points
  const options: PlotOptions = { ...frame(metric.title), x: stepsScale(steps, domain), y };
  const marks: Markish[] = [
    plot.gridY({ strokeOpacity: 0.12 }),
    plot.ruleY([y.domain[0]], { stroke: QUIET }),
  ];
  const ends: EndLabel[] = [];
  if (reference !== undefined) {
    const stroke = { stroke: QUIET, strokeWidth: 1.5, strokeDasharray: "1.5 3.5" };
    marks.push(plot.ruleY([reference], stroke));
    ends.push({ name: "real text", colour: QUIET, value: reference });
  }
  for (const { name, points: all, colour, symbol } of rows) {
    const stepped = all.filter((point) => point.steps !== undefined);
    const level = all.filter((point) => point.steps === undefined);
    marks.push(
      plot.ruleY(level, { y: "value", stroke: colour, strokeWidth: 1.75, strokeDasharray: "8 4" }),
      plot.line(stepped, { x: "steps", y: "value", stroke: colour, strokeWidth: 1.75 }),
      ...[stepped, level.map((point) => ({ ...point, steps: edge }))].flatMap((some) => [
        ...errorBars(plot, some, "steps", colour),
        ...dots(plot, some, { x: "steps", y: "value" }, colour, symbol),
      ]),
    );
    ends.push({ name, colour, value: all[all.length - 1].value });
  }
  const { svg, scale } = draw({ ...options, marks });
  const y1 = scale("y");
  const wanted = ends.map(({ value }) => Number(y1?.apply(value)));
  const { marginTop, marginRight, marginBottom } = MARGINS;
  const places = spread(wanted, LINE_HEIGHT, marginTop, HEIGHT - marginBottom);
  const overlay = ends.map((end, i) => endLabel(end, WIDTH - marginRight, wanted[i], places[i]));
  return standalone(svg, {
    overlay: overlay.join(""),
    width: WIDTH,
    height: HEIGHT,
    title: metric.title,
    up: metric.axis,
    across: "steps",
    note: [BARS, levelNote(points), collapseNote(points)].filter(Boolean).join(" "),
    more: metric.note,
  });
}

function stepsDomain(steps: readonly number[]): [number, number] {
  const [first, last] = [steps.at(0) ?? 1, steps.at(-1) ?? 1];
  return first === last ? [first / 2, last * 2] : [first, last];
}

function stepsScale(
  steps: readonly number[],
  domain: [number, number],
): NonNullable<PlotOptions["x"]> {
  return {
    type: "log",
    domain,
    // Not all of them where they are dense.
    ticks: steps.filter((one, i) => i === 0 || one / steps[i - 1] > 1.15),
    tickFormat: (value: number) => value.toLocaleString("en-US"),
    insetLeft: 12,
    insetRight: 12,
    label: null,
  };
}
