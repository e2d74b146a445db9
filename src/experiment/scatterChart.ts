/** One metric against another: a line a strategy, from few steps to many. */
import type { Markish, PlotOptions } from "@observablehq/plot";
import { besideSteps } from "./labels.ts";
import { frame, HEIGHT, inkOf, LINE_HEIGHT, lookOf, scaleOf, WIDTH } from "./look.ts";
import { collapseNote, dots, errorBars, keyLine, openCanvas, standalone } from "./marks.ts";
import type { Metric, Point, Series } from "./series.ts";

/** A point of the chart's two axes. */
interface Both extends Point {
  readonly across: number;
  readonly left: number;
  readonly right: number;
}

/** @returns SVG that can stand alone. */
export async function drawScatter(
  title: string,
  [across, xs]: readonly [Metric, readonly Series[]],
  [up, ys]: readonly [Metric, readonly Series[]],
): Promise<string> {
  const { plot, draw } = await openCanvas();
  const rows = ys.map(({ name, points }, i) => {
    const partner = xs.find((one) => one.name === name)?.points ?? [];
    const both = besideSteps(partner, points).map(({ across: x, up: y }): Both => ({
      ...y,
      across: x.value,
      left: x.low,
      right: x.high,
    }));
    return { name, points: both, ...lookOf(i) };
  });
  const options: PlotOptions = {
    ...frame(title),
    x: scaleOf(
      across,
      xs.flatMap(({ points }) => points),
    ),
    y: scaleOf(
      up,
      ys.flatMap(({ points }) => points),
    ),
  };
  const marks: Markish[] = [
    plot.gridX({ strokeOpacity: 0.08 }),
    plot.gridY({ strokeOpacity: 0.12 }),
  ];
  for (const { points, colour, symbol } of rows) {
    marks.push(
      plot.line(points, { x: "across", y: "value", stroke: colour, strokeOpacity: 0.6 }),
      ...errorBars(plot, points, "across", colour),
      plot.link(points, {
        x1: "left",
        x2: "right",
        y1: "value",
        y2: "value",
        stroke: colour,
        strokeOpacity: 0.55,
      }),
      ...dots(plot, points, { x: "across", y: "value" }, colour, symbol),
    );
  }
  for (const { points, colour } of rows) {
    // The two ends say which way the steps go.
    const outer = points.filter((_, i) => i === 0 || i === points.length - 1);
    marks.push(
      plot.text(outer, {
        x: "across",
        y: "value",
        text: ({ steps }: Point) => steps?.toLocaleString("en-US") ?? "",
        dy: -11,
        fontSize: 10,
        fill: inkOf(colour),
        stroke: "white",
        strokeWidth: 3,
      }),
    );
  }
  rows.forEach((row, i) => marks.push(...keyLine(plot, row, i * LINE_HEIGHT * 1.25)));
  return standalone(draw({ ...options, marks }).svg, {
    width: WIDTH,
    height: HEIGHT,
    title,
    up: up.axis,
    across: across.axis,
    note: [
      "Numbers: steps at both ends of a line. Better is up; to the left only as long as entropy holds.",
      collapseNote(rows.flatMap(({ points }) => points)),
    ].join(" "),
    more: up.note,
  });
}
