/** Text of a model on a terminal: nothing in it may steer the terminal, and it must fit. */

/**
 * Every character that a terminal may act on (C0 and C1 controls, and what turns the direction of text
 * around) becomes visible instead; line ends stay, a tab becomes spaces.
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

/** Columns that a character takes: 0 for what combines with the one before, 2 for wide ones. */
function columnsOf(character: string): number {
  if (/^[\p{Mark}\p{Format}]$/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** East Asian wide and full-width characters, and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}])$/u;

export function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

/** @returns the beginning of `text` that fits into `columns`. */
export function clip(text: string, columns: number): string {
  let width = 0;
  let clipped = "";
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns) break;
    clipped += character;
  }
  return clipped;
}

/** A part of a text: UTF-16 units `from` to `to`, the last one not included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Breaks harmless text into lines of at most `columns`, at a space where there is one. */
export function lineRanges(text: string, columns: number): Range[] {
  const ranges: Range[] = [];
  let from = 0;
  for (const line of text.split("\n")) {
    ranges.push(...rangesOfLine(text, from, from + line.length, Math.max(2, columns)));
    from += line.length + 1;
  }
  return ranges;
}

/** The lines of {@link lineRanges} themselves. */
export function wrap(text: string, columns: number): string[] {
  return lineRanges(text, columns).map(({ from, to }) => text.slice(from, to));
}

function* rangesOfLine(text: string, from: number, to: number, columns: number): Generator<Range> {
  let begin = from;
  while (widthOf(text.slice(begin, to)) > columns) {
    const piece = clip(text.slice(begin, to), columns);
    const space = piece.lastIndexOf(" ");
    const whole = text.charAt(begin + piece.length) === " " || space <= 0;
    const end = begin + (whole ? piece.length : space);
    yield { from: begin, to: begin + text.slice(begin, end).trimEnd().length };
    begin = to - text.slice(end, to).trimStart().length;
  }
  yield { from: begin, to };
}
