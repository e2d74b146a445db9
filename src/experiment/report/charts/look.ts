/** The look of charts: layouts, colours, symbols and scales. */
import type { PlotOptions, ScaleOptions } from "@observablehq/plot";
import { widthOf } from "./labels.ts";
import { HUES, type Hue } from "./palette.ts";
import type { Metric, Point } from "./series.ts";
import { linearTicks, logTicks } from "./ticks.ts";

const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "hexagon", "cross"] as const;

/** Distance of labels that do not touch. Pixels, as every length here. */
export const LINE_HEIGHT = 15;
export const FONT_SIZE = 12;

/** Sizes of a chart and of the margins around its frame. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly marginTop: number;
  readonly marginRight: number;
  readonly marginBottom: number;
  readonly marginLeft: number;
  /** Place of the names of lines. */
  readonly names: "beside" | "below";
}

/** Makes a layout. @param names of the lines, which need room. */
export type LayoutOf = (names: readonly string[]) => Layout;

/** Room at the left of a name beside the frame. */
const BESIDE = 32;

/** The layout of a page: the frame has one size, and the names beside it get what they need. */
export const WIDE: LayoutOf = (names) => ({
  width: 642 + besideFrame(names),
  height: 64 + Math.max(336, (names.length + 1) * LINE_HEIGHT),
  marginTop: 16,
  marginRight: besideFrame(names),
  marginBottom: 48,
  marginLeft: 64,
  names: "beside",
});

function besideFrame(names: readonly string[]): number {
  const longest = Math.max(0, ...names.map((name) => widthOf(name, FONT_SIZE)));
  return Math.max(178, Math.ceil(BESIDE + longest));
}

/** The layout of a phone: the names stand below the frame. */
export const NARROW: LayoutOf = (names) => ({
  width: 360,
  height: 286 + keyRows(names) * KEY_LINE,
  marginTop: 12,
  marginRight: 16,
  marginBottom: 48 + keyRows(names) * KEY_LINE,
  marginLeft: 48,
  names: "below",
});

/** Height of a line in the key. */
export const KEY_LINE = 19;
const KEY_NAME = 20;

/** Number of columns in the key below a chart. */
export function keyColumns(names: readonly string[]): number {
  return names.some((name) => name.length > KEY_NAME) ? 1 : 2;
}

function keyRows(names: readonly string[]): number {
  return Math.ceil(names.length / keyColumns(names));
}

/** The colours and the symbol of a line. */
export interface Look extends Hue {
  readonly symbol: string;
}

/** Gives the look of a line. @param i its number in its chart. */
export function lookOf(i: number): Look {
  const symbol = SYMBOLS[(i + Math.floor(i / HUES.length)) % SYMBOLS.length];
  return { ...HUES[i % HUES.length], symbol };
}

/** Gives Plot's options for a layout. */
export function frame({ names: _, ...layout }: Layout): PlotOptions {
  return {
    ...layout,
    style: {
      fontSize: `${FONT_SIZE}px`,
      fontFamily: "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif",
    },
  };
}

/** A scale of Plot, with one set of ticks for axis and grid. */
export interface Scale extends ScaleOptions {
  readonly domain: number[];
  readonly ticks: number[];
}

/** Makes a measure's scale: logarithmic where positive values without a limit lie far apart. */
export function scaleOf(
  { isShare = false, most: highest = isShare ? 1 : Number.POSITIVE_INFINITY }: Metric,
  points: readonly Point[],
  reference?: number,
): Scale {
  const values = points.flatMap(({ value, low, high }) => [value, low, high]);
  if (reference !== undefined) values.push(reference);
  const [least, most] = [Math.max(0, Math.min(...values)), Math.max(...values)];
  const isLog = !Number.isFinite(highest) && least > 0 && most / least > 4;
  const unit = isShare ? 0.01 : 1; // shares are written as percent
  const bounds = [0, highest / unit] as const;
  const { ticks, domain, format } = isLog
    ? logTicks(least, most)
    : linearTicks(least / unit, Math.min(most, highest) / unit, bounds);
  return {
    type: isLog ? "log" : "linear",
    domain: domain.map((value) => value * unit),
    ticks: ticks.map((value) => value * unit),
    tickFormat: (value: number) => (isShare ? `${format(value / unit)}%` : format(value)),
    label: null,
  };
}
