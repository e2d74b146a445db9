/** Draws a measure against the number of steps: a line for each strategy, named at its end. */
import type { Markish, PlotOptions } from "@observablehq/plot";
import { drawing, type Chart, type Drawing } from "./drawing.ts";
import { roomy, spread, widthOf } from "./labels.ts";
import {
  FONT_SIZE,
  frame,
  LINE_HEIGHT,
  lookOf,
  NARROW,
  scaleOf,
  WIDE,
  type Layout,
  type Look,
} from "./look.ts";
import {
  axisName,
  BARS,
  collapseNote,
  dots,
  DOTTED,
  endLabel,
  errorBars,
  key,
  levelNote,
  openCanvas,
  REAL_TEXT,
  type Canvas,
  type EndLabel,
} from "./marks.ts";
import { QUIET } from "./palette.ts";
import type { Metric, Series } from "./series.ts";

type Row = Series & Look;

/**
 * Draws the chart. A strategy without steps is a level line.
 * @param reference the value of real text, drawn as a dotted line.
 */
export async function drawLines(
  metric: Metric,
  series: readonly Series[],
  reference: number | undefined,
): Promise<Chart> {
  const canvas = await openCanvas();
  const rows = series.map((one, i) => ({ ...one, ...lookOf(i) }));
  const points = rows.flatMap((row) => row.points);
  const names = [...rows.map(({ name }) => name), ...(reference === undefined ? [] : [REAL_TEXT])];
  const in_ = (layout: Layout): Drawing => draw(canvas, layout, metric, rows, reference);
  const note = [BARS, levelNote(points), collapseNote(points)].filter(Boolean).join(" ");
  return {
    file: metric.file,
    title: metric.title,
    up: metric.axis,
    notes: [...(metric.note === undefined ? [] : [metric.note]), note],
    wide: in_(WIDE(names)),
    narrow: in_(NARROW(names)),
  };
}

function draw(
  { plot, draw }: Canvas,
  layout: Layout,
  metric: Metric,
  rows: readonly Row[],
  reference: number | undefined,
): Drawing {
  const points = rows.flatMap((row) => row.points);
  const y = scaleOf(metric, points, reference);
  const steps = [...new Set(points.flatMap((point) => point.steps ?? []))].sort((a, b) => a - b);
  const domain = stepsDomain(steps);
  const [, edge] = domain; // where strategies without steps have their points
  const options: PlotOptions = { ...frame(layout), x: stepsScale(steps, domain, layout), y };
  const marks: Markish[] = [
    plot.gridY(y.ticks, { strokeOpacity: 0.12 }),
    plot.ruleY([y.domain[0]], { stroke: QUIET.light }),
  ];
  const ends: EndLabel[] = [];
  if (reference !== undefined) {
    marks.push(plot.ruleY([reference], { stroke: QUIET.light, ...DOTTED }));
    ends.push({ name: REAL_TEXT, look: undefined, value: reference });
  }
  for (const row of rows) {
    const { name, points: all, line } = row;
    const stepped = all.filter((point) => point.steps !== undefined);
    const level = all.filter((point) => point.steps === undefined);
    const stroke = { stroke: line.light, strokeWidth: 1.75 };
    marks.push(
      plot.ruleY(level, { y: "value", ...stroke, strokeDasharray: "8 4" }),
      plot.line(stepped, { x: "steps", y: "value", ...stroke }),
      ...[stepped, level.map((point) => ({ ...point, steps: edge }))].flatMap((some) => [
        ...errorBars(plot, some, "steps", y.domain, row),
        ...dots(plot, some, { x: "steps", y: "value" }, row),
      ]),
    );
    ends.push({ name, look: row, value: all[all.length - 1].value });
  }
  const across = axisName(layout, "steps");
  if (layout.names === "below") {
    const below = key(plot, layout, ends);
    const { svg } = draw({ ...options, marks: [...marks, ...below.marks] });
    return drawing(svg, layout, across + below.overlay);
  }
  const { svg, place } = draw({ ...options, marks });
  const wanted = ends.map(({ value }) => place("y", value));
  const { width, height, marginTop, marginRight, marginBottom } = layout;
  const places = spread(wanted, LINE_HEIGHT, marginTop, height - marginBottom);
  const right = width - marginRight;
  const labels = ends.map((end, i) => endLabel(end, right, wanted[i], places[i]));
  return drawing(svg, layout, across + labels.join(""));
}

function stepsDomain(steps: readonly number[]): [number, number] {
  const [first, last] = [steps.at(0) ?? 1, steps.at(-1) ?? 1];
  return first === last ? [first / 2, last * 2] : [first, last];
}

const INSET = 12;

function stepsScale(
  steps: readonly number[],
  domain: [number, number],
  { width, marginLeft, marginRight }: Layout,
): NonNullable<PlotOptions["x"]> {
  const room = width - marginLeft - marginRight - 2 * INSET;
  const perLog = room / Math.log(domain[1] / domain[0]);
  const text = (value: number): string => value.toLocaleString("en-US");
  return {
    type: "log",
    domain,
    ticks: roomy(
      steps,
      (one) => Math.log(one) * perLog,
      (one) => widthOf(text(one), FONT_SIZE),
    ),
    tickFormat: text,
    insetLeft: INSET,
    insetRight: INSET,
    label: null,
  };
}
