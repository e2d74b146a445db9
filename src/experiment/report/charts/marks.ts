/** The parts that all charts share, and the document that they are drawn on. */
import type * as PlotLibrary from "@observablehq/plot";
import type { Markish, PlotOptions } from "@observablehq/plot";
import { escaped } from "../../output/markup.ts";
import { widthOf } from "./labels.ts";
import { FONT_SIZE, KEY_LINE, keyColumns, type Layout, type Look } from "./look.ts";
import { ALARM, INK, PAPER, QUIET, type Hue } from "./palette.ts";
import { firstCharacters } from "../../run/results.ts";
import type { Point } from "./series.ts";

export type Plot = typeof PlotLibrary;

/** What Plot drew. */
export interface Drawn {
  readonly svg: string;
  /** Turns a value into pixels. */
  readonly place: (name: "x" | "y", value: number) => number;
}

export interface Canvas {
  readonly plot: Plot;
  readonly draw: (options: PlotOptions) => Drawn;
}

interface Drawing {
  readonly outerHTML: string;
  scale(name: string): { apply(value: number): unknown } | undefined;
}

/**
 * Opens Observable Plot on a document of linkedom. Both are loaded here, when the first chart is
 * drawn, since most of the package never draws.
 */
export async function openCanvas(): Promise<Canvas> {
  const [plot, { parseHTML }] = await Promise.all([
    import("@observablehq/plot"),
    import("linkedom"),
  ]);
  // Its types need a browser's, which this program does not have.
  const window: unknown = parseHTML("<!doctype html><body></body>");
  const { document } = window as { readonly document: unknown };
  const draw = (options: PlotOptions): Drawn => {
    const drawn: unknown = plot.plot(Object.assign({}, options, { document }));
    const drawing = drawn as Drawing;
    return {
      svg: drawing.outerHTML,
      place: (name, value) => Number(drawing.scale(name)?.apply(value)),
    };
  };
  return { plot, draw };
}

/** Makes vertical error bars; an error that reaches beyond the axis ends with it. */
export function errorBars(
  plot: Plot,
  points: readonly Point[],
  x: string,
  [least, most]: readonly number[],
  hue: Hue,
): Markish[] {
  const sure = points
    .filter(({ low, high }) => high > low)
    .map((point) => ({
      ...point,
      low: Math.max(least, point.low),
      high: Math.min(most, point.high),
    }));
  const stroke = { stroke: hue.line.light, strokeOpacity: 0.55 };
  return [plot.link(sure, { x1: x, x2: x, y1: "low", y2: "high", ...stroke })];
}

/** Makes the dots of points, with a ring around each collapsed one. */
export function dots(
  plot: Plot,
  points: readonly Point[],
  channels: { readonly x: string; readonly y: string },
  { line, symbol }: Look,
): Markish[] {
  const collapsed = points.filter((point) => point.collapsed);
  return [
    plot.dot(points, {
      ...channels,
      symbol: symbol as "circle",
      r: 4,
      fill: line.light,
      stroke: PAPER.light,
      strokeWidth: 1,
    }),
    plot.dot(collapsed, { ...channels, r: 8, stroke: ALARM.light, strokeWidth: 1.5 }),
  ];
}

/** Explains the error bars. */
export const BARS = "Bars: as in the table; between seeds where there are several.";

/** Explains the rings, where there are any. */
export function collapseNote(points: readonly Point[]): string {
  return points.some(({ collapsed }) => collapsed) ? "Red ring: collapsed." : "";
}

/** Explains level lines, where there are any. */
export function levelNote(points: readonly Point[]): string {
  const isLevel = points.some(({ steps }) => steps === undefined);
  return isLevel ? "Dashed, and its point at the right edge: no steps to choose." : "";
}

export const REAL_TEXT = "real text";
export const DOTTED = { strokeWidth: 1.5, strokeDasharray: "1.5 3.5" };

/** The name at the right end of a line. */
export interface EndLabel {
  readonly name: string;
  /** undefined: the line of real text. */
  readonly look: Look | undefined;
  readonly value: number;
}

/**
 * Names a line beside the frame, and ties the name to its end: SVG, since Plot has no marks in
 * pixels.
 * @param right edge of the frame, in pixels.
 * @param from height at which the line ends.
 * @param to height at which the name has room.
 */
export function endLabel(
  { name, look }: EndLabel,
  right: number,
  from: number,
  to: number,
): string {
  const stroke = (look?.line ?? QUIET).light;
  const leader = `<path d="M${right + 3},${round(from)}L${right + 19},${round(to)}" stroke="${stroke}" stroke-opacity="0.45" fill="none"/>`;
  return leader + nameAt(name, look, right + 23, to);
}

function nameAt(name: string, look: Look | undefined, x: number, y: number): string {
  return `<text x="${round(x)}" y="${round(y)}" dy="0.35em" text-anchor="start" font-size="${FONT_SIZE}" font-weight="500" fill="${(look?.ink ?? QUIET).light}">${escaped(name)}</text>`;
}

/** Writes pixels with one digit after the point. */
export function round(x: number): string {
  return x.toFixed(1);
}

/** A line of the key. */
export interface KeyEntry {
  readonly name: string;
  /** undefined: the dotted line of real text. */
  readonly look: Look | undefined;
}

/** Makes the key of symbols and names: a list beside the frame, or columns below it. */
export function key(
  plot: Plot,
  layout: Layout,
  entries: readonly KeyEntry[],
): { readonly marks: Markish[]; readonly overlay: string } {
  const marks: Markish[] = [];
  let overlay = "";
  entries.forEach(({ name, look }, i) => {
    const { x, y } = keyPlace(layout, entries, i);
    if (look === undefined) {
      const { strokeWidth, strokeDasharray } = DOTTED;
      overlay += `<path d="M${round(x - 8)},${round(y)}H${round(x + 7)}" stroke="${QUIET.light}" stroke-width="${strokeWidth}" stroke-dasharray="${strokeDasharray}"/>`;
    } else {
      const [dx, dy] = [x - layout.marginLeft, y - layout.marginTop];
      const at = { frameAnchor: "top-left" as const, dx, dy };
      const symbol = look.symbol as "circle";
      marks.push(plot.dot([0], { ...at, symbol, r: 4, fill: look.line.light }));
    }
    overlay += nameAt(fitting(name, roomOfName(layout, entries)), look, x + 12, y);
  });
  return { marks, overlay };
}

/** Gives the room of a name: below the frame it is limited, and the table has the whole name. */
function roomOfName({ width, names }: Layout, entries: readonly KeyEntry[]): number {
  if (names === "beside") return Number.POSITIVE_INFINITY;
  return (width - 16) / keyColumns(entries.map(({ name }) => name)) - 28;
}

function fitting(name: string, room: number): string {
  if (widthOf(name, FONT_SIZE) <= room) return name;
  return `${firstCharacters(name, Math.floor(room / widthOf("x", FONT_SIZE)) - 1)}…`;
}

/** Gives the middle of a symbol. */
function keyPlace(
  { width, height, marginTop, marginRight, marginBottom, names }: Layout,
  entries: readonly KeyEntry[],
  i: number,
): { readonly x: number; readonly y: number } {
  if (names === "beside") return { x: width - marginRight + 18, y: marginTop + 6 + i * KEY_LINE };
  const columns = keyColumns(entries.map(({ name }) => name));
  const [column, row] = [i % columns, Math.floor(i / columns)];
  const x = 20 + (column * (width - 16)) / columns;
  return { x, y: height - marginBottom + 54 + row * KEY_LINE };
}

/** Names the horizontal axis below the frame, in smaller type if the name is long. */
export function axisName(
  { width, height, marginLeft, marginRight, marginBottom }: Layout,
  text: string,
): string {
  const wanted = widthOf(text, FONT_SIZE);
  const isLong = wanted > width - marginLeft - marginRight;
  const middle = isLong ? width / 2 : (marginLeft + width - marginRight) / 2;
  const fontSize = round(FONT_SIZE * Math.min(1, (width - 8) / wanted));
  return `<text x="${round(middle)}" y="${height - marginBottom + 36}" text-anchor="middle" font-size="${fontSize}" fill="${INK.light}">${escaped(text)}</text>`;
}
