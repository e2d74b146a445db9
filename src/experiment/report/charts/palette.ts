/** The colours of charts and report on light and on dark paper. */

/** A colour on light paper, and its counterpart on dark paper. */
interface Tone {
  readonly light: string;
  readonly dark: string;
}

/** A line's colour, and the colour of writing, which needs more contrast. */
export interface Hue {
  readonly line: Tone;
  readonly ink: Tone;
}

export const PAPER: Tone = { light: "#ffffff", dark: "#15181d" };
export const INK: Tone = { light: "#1b1e23", dark: "#e8eaed" };
/** The colour of notes, and of real text's line. */
export const QUIET: Tone = { light: "#5b626d", dark: "#a3abb5" };
/** The colour of collapsed cells. */
export const ALARM: Tone = { light: "#b3121d", dark: "#ff8080" };
/** The colours of the table's lines, of the row under the pointer, and of links. */
export const RULE: Tone = { light: "#d9dce1", dark: "#363c45" };
export const HOVER: Tone = { light: "#f6f7f8", dark: "#1f242b" };
export const LINK: Tone = { light: "#005a9c", dark: "#7cb8ff" };

function hue(line: string, ink: string, dark: string): Hue {
  return { line: { light: line, dark }, ink: { light: ink, dark } };
}

/**
 * The colours of lines: Okabe and Ito's, which colour-blind readers tell apart, without the yellow,
 * which white paper swallows; then a violet, a brown and a grey. On either paper lines have a
 * contrast of at least 3 and writing of 4.5 (WCAG 2.2, 1.4.11 and 1.4.3); for that the orange and
 * the sky blue are darker than Okabe and Ito's.
 */
export const HUES: readonly Hue[] = [
  hue("#111111", "#111111", "#f2f3f5"),
  hue("#0072b2", "#0072b2", "#008edd"),
  hue("#d55e00", "#be5400", "#dd6100"),
  hue("#009e73", "#008460", "#009e73"),
  hue("#cc79a7", "#bb4d8a", "#cc79a7"),
  hue("#c28600", "#9c6c00", "#e69f00"),
  hue("#1e9be2", "#177ab2", "#56b4e9"),
  hue("#7b4ab5", "#7b4ab5", "#9c77c8"),
  hue("#8c6d31", "#8c6d31", "#a6823a"),
  hue("#6b7280", "#6b7280", "#818896"),
];

/**
 * Makes CSS that repaints a chart for dark paper. Charts carry the light colours as attributes,
 * which every viewer of SVG knows; a viewer that knows styles prefers them.
 */
export function darkCharts(): string {
  const tones = [PAPER, INK, QUIET, ALARM, ...HUES.flatMap(({ line, ink }) => [line, ink])];
  const byLight = new Map(tones.map(({ light, dark }) => [light, dark]));
  const rules = [...byLight].map(
    ([light, dark]) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`,
  );
  return `@media (prefers-color-scheme: dark){${rules.join("")}}`;
}
