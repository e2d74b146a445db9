/** The parts that all charts are made of, and the document that they are drawn on. */
import type * as PlotLibrary from "@observablehq/plot";
import type { Markish, PlotOptions } from "@observablehq/plot";
import { escaped } from "./escaped.ts";
import { INK, inkOf, MARGINS, QUIET } from "./look.ts";
import type { Point } from "./series.ts";

export type Plot = typeof PlotLibrary;

const ALARM = "#c1121f";

export interface Drawn {
  readonly svg: string;
  /** Of values to pixels. */
  readonly scale: (name: "x" | "y") => { apply(value: number): unknown } | undefined;
}

export interface Canvas {
  readonly plot: Plot;
  readonly draw: (options: PlotOptions) => Drawn;
}

interface Drawing {
  readonly outerHTML: string;
  readonly scale: Drawn["scale"];
}

/** Observable Plot on a document of linkedom: loaded when the first chart is drawn, since most of the package never draws. */
export async function openCanvas(): Promise<Canvas> {
  const [plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  // Its types are those of browsers, which this program does not know.
  const window: unknown = parseHTML("<!doctype html><body></body>");
  const { document } = window as { readonly document: unknown };
  const draw = (options: PlotOptions): Drawn => {
    const drawn: unknown = plot.plot(Object.assign({}, options, { document }));
    const { outerHTML, scale } = drawn as Drawing;
    return { svg: outerHTML, scale };
  };
  return { plot, draw };
}

/** Vertical, with no more ink than they need. */
export function errorBars(
  plot: Plot,
  points: readonly Point[],
  x: string,
  colour: string,
): Markish[] {
  const sure = points.filter(({ low, high }) => high > low);
  return [
    plot.link(sure, { x1: x, x2: x, y1: "low", y2: "high", stroke: colour, strokeOpacity: 0.55 }),
  ];
}

/** A collapsed point has a ring around it. */
export function dots(
  plot: Plot,
  points: readonly Point[],
  channels: { readonly x: string; readonly y: string },
  colour: string,
  symbol: string,
): Markish[] {
  const collapsed = points.filter((point) => point.collapsed);
  return [
    plot.dot(points, {
      ...channels,
      symbol: symbol as "circle",
      r: 4,
      fill: colour,
      stroke: "white",
      strokeWidth: 1,
    }),
    plot.dot(collapsed, { ...channels, r: 8, stroke: ALARM, strokeWidth: 1.5 }),
  ];
}

/** What the bars of a chart are. */
export const BARS = "Bars: as in the table; between seeds where there are several.";

export function collapseNote(points: readonly Point[]): string {
  return points.some(({ collapsed }) => collapsed) ? "Red ring: collapsed." : "";
}

export function levelNote(points: readonly Point[]): string {
  const isLevel = points.some(({ steps }) => steps === undefined);
  return isLevel ? "Dashed, and its point at the right edge: no steps to choose." : "";
}

/** What stands at the right end of a line. */
export interface EndLabel {
  readonly name: string;
  readonly colour: string;
  readonly value: number;
}

/**
 * A name beside the frame, and a thin line to it from where the line ends: SVG, since Plot has no marks in pixels.
 * @param right edge of the frame; @param from where the line ends; @param to where the name has room. All in pixels.
 */
export function endLabel(
  { name, colour }: EndLabel,
  right: number,
  from: number,
  to: number,
): string {
  const leader = `<path d="M${right + 3},${round(from)}L${right + 19},${round(to)}" stroke="${colour}" stroke-opacity="0.45" fill="none"/>`;
  const text = `<text x="${right + 23}" y="${round(to)}" dy="0.35em" text-anchor="start" font-size="12" font-weight="500" fill="${inkOf(colour)}">${escaped(name)}</text>`;
  return leader + text;
}

function round(x: number): string {
  return x.toFixed(1);
}

/** A line of the key at the right: a symbol and a name. @param dy from the top of the frame, in pixels. */
export function keyLine(
  plot: Plot,
  {
    name,
    colour,
    symbol,
  }: { readonly name: string; readonly colour: string; readonly symbol: string },
  dy: number,
): Markish[] {
  const at = { frameAnchor: "top-right" as const };
  return [
    plot.dot([0], { ...at, symbol: symbol as "circle", r: 4, fill: colour, dx: 18, dy: dy + 6 }),
    plot.text([name], {
      ...at,
      textAnchor: "start",
      fontSize: 12,
      fontWeight: 500,
      fill: inkOf(colour),
      dx: 30,
      dy,
    }),
  ];
}

/** Makes it look right alone: white paper, a title, and the name space that a file needs. */
export function standalone(
  svg: string,
  {
    width,
    height,
    title,
    up,
    across,
    note,
    more = "",
    overlay = "",
  }: {
    readonly width: number;
    readonly height: number;
    readonly title: string;
    /** What the axes measure. */
    readonly up: string;
    readonly across: string;
    /** Below the axes. */
    readonly note: string;
    /** A line above it. */
    readonly more?: string | undefined;
    /** More SVG, in pixels. */
    readonly overlay?: string;
  },
): string {
  const paper = `<rect width="${width}" height="${height}" fill="#ffffff"/>`;
  const { marginLeft, marginRight } = MARGINS;
  const middle = (marginLeft + width - marginRight) / 2;
  const line = (x: number, y: number, text: string, style: string): string =>
    `<text x="${x}" y="${y}" ${style}>${escaped(text)}</text>`;
  const small = `text-anchor="start" font-size="11" fill="${QUIET}"`;
  const heading = [
    line(16, 26, title, `text-anchor="start" font-size="16" font-weight="600" fill="${INK}"`),
    line(16, 46, up, `text-anchor="start" font-size="12" fill="${QUIET}"`),
    line(middle, height - 36, across, `text-anchor="middle" font-size="12" fill="${INK}"`),
    ...(more === "" ? [] : [line(16, height - 24, more, small)]),
    line(16, height - 10, note, small),
  ].join("");
  // Functions, since a replacement that is a text gives dollar signs a meaning.
  return svg
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace("</style>", () => `</style>${paper}${heading}`)
    .replace(/<\/svg>$/, () => `${overlay}</svg>`)
    .replaceAll("currentColor", INK);
}
