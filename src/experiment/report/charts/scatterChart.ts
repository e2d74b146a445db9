/** Draws one measure against another: a line for each strategy, from few steps to many. */
import type { Markish, PlotOptions } from "@observablehq/plot";
import { drawing, type Chart, type Drawing } from "./drawing.ts";
import { besidePoints, besideSteps, roomy, widthOf } from "./labels.ts";
import {
  FONT_SIZE,
  frame,
  lookOf,
  NARROW,
  scaleOf,
  WIDE,
  type Layout,
  type Look,
  type Scale,
} from "./look.ts";
import {
  axisName,
  collapseNote,
  dots,
  errorBars,
  key,
  openCanvas,
  round,
  type Canvas,
  type Drawn,
} from "./marks.ts";
import { PAPER } from "./palette.ts";
import type { Metric, Point, Series } from "./series.ts";

/** A point of the chart's two axes. */
interface Both extends Point {
  readonly across: number;
  readonly left: number;
  readonly right: number;
}

interface Row extends Look {
  readonly name: string;
  readonly points: readonly Both[];
}

type Measured = readonly [Metric, readonly Series[]];

/** Draws the chart. @param file its name, without directory and ending. */
export async function drawScatter(
  file: string,
  title: string,
  [across, xs]: Measured,
  [up, ys]: Measured,
): Promise<Chart> {
  const canvas = await openCanvas();
  const rows = ys.map(({ name, points }, i): Row => {
    const partner = xs.find((one) => one.name === name)?.points ?? [];
    const both = besideSteps(partner, points).map(({ across: x, up: y }): Both => ({
      ...y,
      across: x.value,
      left: x.low,
      right: x.high,
    }));
    return { name, points: both, ...lookOf(i) };
  });
  const names = rows.map(({ name }) => name);
  const pointsOf = (series: readonly Series[]): Point[] => series.flatMap(({ points }) => points);
  const in_ = (layout: Layout): Drawing => {
    const [x, y] = [scaleOf(across, pointsOf(xs)), scaleOf(up, pointsOf(ys))];
    return draw(canvas, layout, rows, { ...x, ticks: withRoom(x, layout) }, y, across.axis);
  };
  const note = [
    "Numbers: steps at both ends of a line. Better is up; to the left only as long as entropy holds.",
    collapseNote(rows.flatMap(({ points }) => points)),
  ];
  return {
    file,
    title,
    up: up.axis,
    notes: [...(up.note === undefined ? [] : [up.note]), note.filter(Boolean).join(" ")],
    wide: in_(WIDE(names)),
    narrow: in_(NARROW(names)),
  };
}

/** Keeps the ticks whose numbers do not touch. */
function withRoom(
  { ticks, domain, type, tickFormat }: Scale,
  { width, marginLeft, marginRight }: Layout,
): number[] {
  const flat = (value: number): number => (type === "log" ? Math.log(value) : value);
  const [first, last] = domain.map(flat);
  const perUnit = (width - marginLeft - marginRight) / (last - first);
  const text = tickFormat as (value: number) => string;
  return roomy(
    ticks,
    (tick) => flat(tick) * perUnit,
    (tick) => widthOf(text(tick), FONT_SIZE),
  );
}

function draw(
  { plot, draw }: Canvas,
  layout: Layout,
  rows: readonly Row[],
  x: Scale,
  y: Scale,
  across: string,
): Drawing {
  const options: PlotOptions = { ...frame(layout), x, y };
  const marks: Markish[] = [
    plot.gridX(x.ticks, { strokeOpacity: 0.08 }),
    plot.gridY(y.ticks, { strokeOpacity: 0.12 }),
  ];
  const within = (point: Both): Both => ({
    ...point,
    left: Math.max(x.domain[0], point.left),
    right: Math.min(x.domain[1], point.right),
  });
  for (const row of rows) {
    const { points, line } = row;
    const stroke = line.light;
    const level = { x1: "left", x2: "right", y1: "value", y2: "value" };
    marks.push(
      plot.line(points, { x: "across", y: "value", stroke, strokeOpacity: 0.6 }),
      ...errorBars(plot, points, "across", y.domain, row),
      plot.link(points.map(within), { ...level, stroke, strokeOpacity: 0.55 }),
      ...dots(plot, points, { x: "across", y: "value" }, row),
    );
  }
  const names = key(
    plot,
    layout,
    rows.map((row) => ({ name: row.name, look: row })),
  );
  const drawn = draw({ ...options, marks: [...marks, ...names.marks] });
  const overlay = axisName(layout, across) + names.overlay + stepNumbers(drawn, layout, rows);
  return drawing(drawn.svg, layout, overlay);
}

const NUMBER_SIZE = 10;
const DOT = 9;

/** Numbers both ends of a line with their steps; a thin line ties a far number to its point. */
function stepNumbers({ place }: Drawn, layout: Layout, rows: readonly Row[]): string {
  const at = ({ across, value }: Both) => ({ x: place("x", across), y: place("y", value) });
  const ends = rows.flatMap(({ points, ink }) =>
    points
      .filter(({ steps }, i) => steps !== undefined && (i === 0 || i === points.length - 1))
      .map((point) => {
        const text = point.steps?.toLocaleString("en-US") ?? "";
        const size = { width: widthOf(text, NUMBER_SIZE) + 2, height: NUMBER_SIZE + 1 };
        return { text, ink: ink.light, box: { ...at(point), ...size } };
      }),
  );
  const dotBoxes = rows.flatMap(({ points }) =>
    points.map((point) => ({ ...at(point), width: DOT, height: DOT })),
  );
  const { width, height, marginTop, marginRight, marginBottom, marginLeft } = layout;
  const size = {
    width: width - marginLeft - marginRight,
    height: height - marginTop - marginBottom,
  };
  const middle = { x: marginLeft + size.width / 2, y: marginTop + size.height / 2 };
  const bounds = { ...middle, width: size.width + 24, height: size.height + 2 * marginTop - 4 };
  const boxes = besidePoints(
    ends.map(({ box }) => box),
    dotBoxes,
    bounds,
  );
  return ends
    .map(({ text, ink, box: from }, i) => {
      const to = boxes[i];
      if (to === undefined) return "";
      const isFar = Math.hypot(to.x - from.x, to.y - from.y) > from.width / 2 + 14;
      const tie = `<path d="M${round(from.x)},${round(from.y)}L${round(to.x)},${round(to.y)}" stroke="${ink}" stroke-opacity="0.5" fill="none"/>`;
      const halo = `stroke="${PAPER.light}" stroke-width="3" paint-order="stroke"`;
      const number = `<text x="${round(to.x)}" y="${round(to.y)}" dy="0.35em" text-anchor="middle" font-size="${NUMBER_SIZE}" fill="${ink}" ${halo}>${text}</text>`;
      return (isFar ? tie : "") + number;
    })
    .join("");
}
