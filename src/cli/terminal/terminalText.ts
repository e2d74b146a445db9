/**
 * Prepares text for a terminal: nothing that a model wrote may steer it, and every line must fit.
 */
import stringWidth from "string-width";
import wrapAnsi from "wrap-ansi";

/**
 * Makes every character visible that a terminal may act on: C0 and C1 controls, and what turns the
 * direction of text around. Line ends stay, a tab becomes four spaces.
 */
export function harmless(text: string): string {
  return (
    text
      .replace(/\r\n?/g, "\n")
      .replace(/\t/g, "    ")
      // eslint-disable-next-line no-control-regex -- they are the point
      .replace(/[\u0000-\u0009\u000b-\u001f]/g, (c) =>
        String.fromCharCode(0x2400 + c.charCodeAt(0)),
      )
      .replace(/\u007f/g, "\u2421")
      .replace(/[\u0080-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, "\ufffd")
  );
}

/** Writes JSON that steers no terminal: control characters that JSON allows are escaped too. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/** Counts the columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

const GRAPHEMES = new Intl.Segmenter();

/** @returns the beginning of `text` that fits into `columns`, in whole characters. */
export function clip(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let clipped = "";
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    clipped += segment;
  }
  return clipped;
}

/** A part of a text: UTF-16 units `from` to `to`, the last one not included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Breaks a text into lines of at most `columns`, at a space where there is one. Spaces at a break
 * belong to no line.
 * @param text harmless, and in Unicode's normal form C, as wrap-ansi returns its lines.
 * @param columns 2 at least, so that every character fits.
 */
export function lineRanges(text: string, columns: number): Range[] {
  const ranges: Range[] = [];
  let from = 0;
  for (const line of text.split("\n")) {
    ranges.push(...rangesOfLine(line, from, Math.max(2, columns)));
    from += line.length + 1;
  }
  return ranges;
}

/** The lines of {@link lineRanges} themselves, of any text. */
export function wrap(text: string, columns: number): string[] {
  const composed = text.normalize();
  return lineRanges(composed, columns).map(({ from, to }) => composed.slice(from, to));
}

/**
 * Masks, letters with accents and marks of English prose, of one column each. They are measured as
 * `_`, because string-width takes ten times as long for what is not ASCII; `_` composes with
 * nothing.
 */
const SINGLE = /[\u00c0-\u024f\u2013-\u201d\u2026\u2592\u2593]/g;

/** @param from where the line begins in the text. */
function rangesOfLine(line: string, from: number, columns: number): Range[] {
  const measured = line.replace(SINGLE, "_");
  if (widthOf(measured) <= columns) return [{ from, to: from + line.length }];
  const rows = wrapAnsi(measured, columns, { hard: true, trim: false }).split("\n");
  let at = from;
  return rows.map((row, i) => {
    const begin = at;
    at += row.length;
    const leading = i === 0 ? 0 : row.length - row.trimStart().length;
    return { from: begin + leading, to: Math.max(begin + leading, begin + row.trimEnd().length) };
  });
}
