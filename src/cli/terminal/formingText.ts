/** A text that forms, as lines of a screen: what is new, remasked, given and masked told apart, by colour where there is one. */
import { createColors } from "picocolors";
import type { Cell, Mark } from "./board.ts";
import { harmless, lineRanges } from "./terminalText.ts";

/** A mask that was a token a moment ago: darker than `▒`, so that it is seen without colours too. */
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

/** What the marks look like, for those that can be told apart. */
export function legend(cells: readonly Cell[], hasColors: boolean): readonly Cell[] {
  const has = (mark: Mark): boolean => cells.some((cell) => cell.mark === mark);
  return [
    { text: "▒ masked", mark: "masked" },
    { text: `${REMASKED_GLYPH} remasked`, mark: "remasked" },
    ...(hasColors ? [{ text: "new", mark: "new" } as const] : []),
    ...(hasColors && has("pinned") ? [{ text: "given", mark: "pinned" } as const] : []),
  ];
}

/** @returns lines of at most so many columns, painted. */
export function formingLines(cells: readonly Cell[], columns: number, paint: Paint): string[] {
  let text = "";
  const ends: number[] = [];
  for (const cell of cells) {
    text += harmless(cell.mark === "remasked" ? REMASKED_GLYPH : cell.text);
    ends.push(text.length);
  }
  let at = 0;
  return lineRanges(text, columns).map(({ from, to }) => {
    let line = "";
    for (let begin = from; begin < to;) {
      while (ends[at] <= begin) at++;
      const { mark } = cells[at];
      let end = Math.min(to, ends[at]);
      // Neighbours of one mark are painted at once.
      while (end < to && cells[at + 1].mark === mark) end = Math.min(to, ends[++at]);
      line += paint(text.slice(begin, end), mark);
      begin = end;
    }
    return line;
  });
}
