/**
 * Breaks a text that forms into lines of a screen, and tells apart what is new, remasked, given and
 * masked, by colour where there is one.
 */
import { createColors } from "picocolors";
import type { Cell, Mark } from "./board.ts";
import { harmless, lineRanges } from "./terminalText.ts";

/**
 * A mask that was a token a moment ago: darker than `▒`, so that it is seen without colours too.
 */
const REMASKED_GLYPH = "▓";

/** The style of each mark. */
export type Paint = (text: string, mark: Mark) => string;

/** @param hasColors of the stream; without them nothing is added to the text. */
export function painter(hasColors: boolean): Paint {
  const { dim, red, green, cyan } = createColors(hasColors);
  return (text, mark) => {
    switch (mark) {
      case "masked":
        return dim(text);
      case "remasked":
        return red(text);
      case "new":
        return green(text);
      case "pinned":
        return cyan(text);
      case "settled":
        return text;
    }
  };
}

/** Lists what the marks look like, those that can be told apart. */
export function legend(cells: readonly Cell[], hasColors: boolean): readonly Cell[] {
  const has = (mark: Mark): boolean => cells.some((cell) => cell.mark === mark);
  return [
    { text: "▒ masked", mark: "masked" },
    { text: `${REMASKED_GLYPH} remasked`, mark: "remasked" },
    ...(hasColors ? [{ text: "new", mark: "new" } as const] : []),
    ...(hasColors && has("pinned") ? [{ text: "given", mark: "pinned" } as const] : []),
  ];
}

/** Characters of a line that changed a moment ago. */
export function changesIn(line: readonly Cell[]): number {
  const changed = line.filter(({ mark }) => mark === "new" || mark === "remasked");
  return changed.reduce((sum, { text }) => sum + text.length, 0);
}

/** @returns lines of at most so many columns; neighbours of one mark are one piece. */
export function formingLines(cells: readonly Cell[], columns: number): Cell[][] {
  const { text, ends } = joined(cells);
  let at = 0;
  return lineRanges(text, columns).map(({ from, to }) => {
    const line: Cell[] = [];
    for (let begin = from; begin < to;) {
      while (ends[at] <= begin) at++;
      const { mark } = cells[at];
      let end = Math.min(to, ends[at]);
      while (end < to && cells[at + 1].mark === mark) end = Math.min(to, ends[++at]);
      line.push({ text: text.slice(begin, end), mark });
      begin = end;
    }
    return line;
  });
}

/** The text of all cells in Unicode's normal form C, and where each cell ends in it. */
function joined(cells: readonly Cell[]): { readonly text: string; readonly ends: number[] } {
  let given = "";
  const ends = cells.map((cell) => {
    given += harmless(cell.mark === "remasked" ? REMASKED_GLYPH : cell.text);
    return given.length;
  });
  const text = given.normalize();
  if (text === given) return { text, ends };
  return { text, ends: ends.map((end) => given.slice(0, end).normalize().length) };
}
