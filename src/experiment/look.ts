/** How charts look: sizes, colours, scales. */
import type { PlotOptions, ScaleOptions } from "@observablehq/plot";
import type { Metric, Point } from "./series.ts";

export const INK = "#1b1e23";
export const QUIET = "#6b7280";

/**
 * Okabe and Ito's colours, which colour-blind readers tell apart, without their yellow, which white paper swallows; beyond
 * those a violet, a brown and a grey. Every line has a symbol of its own too.
 */
const COLOURS = [
  "#111111",
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#7b4ab5",
  "#8c6d31",
  QUIET,
];
const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "hexagon", "cross"] as const;

export const WIDTH = 820;
export const HEIGHT = 480;
export const MARGINS = { marginTop: 68, marginRight: 178, marginBottom: 76, marginLeft: 64 };
/** Of labels, so that they do not touch. */
export const LINE_HEIGHT = 15;

export interface Look {
  readonly colour: string;
  readonly symbol: string;
}

/** @param i place of a line among all of its chart. */
export function lookOf(i: number): Look {
  return {
    colour: COLOURS[i % COLOURS.length],
    symbol: SYMBOLS[(i + Math.floor(i / COLOURS.length)) % SYMBOLS.length],
  };
}

export function frame(title: string): PlotOptions {
  return {
    ...MARGINS,
    width: WIDTH,
    height: HEIGHT,
    ariaLabel: title,
    style: {
      fontSize: "12px",
      fontFamily: "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif",
    },
  };
}

/** Logarithmic where values that cannot be 0 go far apart; a little room beyond the outermost. */
export function scaleOf(
  { fromZero = false, isShare = false }: Metric,
  points: readonly Point[],
  reference?: number,
): ScaleOptions & { readonly domain: number[] } {
  const values = points.flatMap(({ value, low, high }) => [value, low, high]);
  if (reference !== undefined) values.push(reference);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isLog = !fromZero && !isShare && least > 0 && most / least > 4;
  const room = (most - least || Math.abs(most) || 1) * 0.06;
  const top = isShare || fromZero ? Math.min(1, most + room) : most + room;
  return {
    type: isLog ? "log" : "linear",
    domain: isLog ? [least / 1.12, most * 1.12] : [fromZero ? 0 : least - room, top],
    ticks: 6,
    tickFormat: isShare ? ".0%" : isLog ? "~s" : plainNumber,
    label: null, // written by `standalone`
  };
}

/** D3's own writes 120 as 1.2e+2. */
function plainNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
}

/** Writing needs more contrast than lines do. */
export function inkOf(colour: string): string {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return `#${channels
    .map((one) =>
      Math.round(one * 0.78)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}
