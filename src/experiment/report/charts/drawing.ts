/** Turns what Plot drew into SVG for the report, and into a file that stands alone. */
import { escaped } from "../../output/markup.ts";
import type { Layout } from "./look.ts";
import { darkCharts, INK, PAPER, QUIET } from "./palette.ts";

/** A frame and its contents as SVG, without a title. Sizes are pixels. */
export interface Drawing {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** A chart with its words. */
export interface Chart {
  /** Name of its file, without directory and ending. */
  readonly file: string;
  readonly title: string;
  /** Name of the vertical axis. */
  readonly up: string;
  /** Sentences below the chart. */
  readonly notes: readonly string[];
  readonly wide: Drawing;
  /** The drawing for a phone. */
  readonly narrow: Drawing;
}

/**
 * Makes a drawing of Plot's SVG: drops the labels of its groups, which a screen reader would read
 * one by one, and gives it a colour of its own instead of the surrounding page's.
 * @param overlay more SVG, in pixels.
 */
export function drawing(svg: string, { width, height }: Layout, overlay: string): Drawing {
  const plain = svg
    .replace(/<g\b[^>]*>/g, (tag) => tag.replace(/ aria-\w+="[^"]*"/g, ""))
    .replace(/<\/svg>$/, () => `${overlay}</svg>`)
    .replaceAll("currentColor", INK.light);
  return { svg: plain, width, height };
}

/** Makes SVG for a page. @param name what a screen reader says. */
export function inline({ svg }: Drawing, name: string): string {
  return svg.replace("<svg ", () => `<svg role="img" aria-label="${escaped(name)}" `);
}

const ABOVE = 56;
const NOTE_LINE = 14;
/** The most characters in a line of a note. */
const NOTE_WIDTH = 125;

/** Makes the SVG of a file, with title and notes, on light or dark paper as the reader has it. */
export function standalone({ title, up, notes, wide }: Chart): string {
  const { svg, width, height } = wide;
  const lines = notes.flatMap((note) => wrapped(note, NOTE_WIDTH));
  const whole = ABOVE + height + lines.length * NOTE_LINE + 12;
  const text = (y: number, size: number, fill: string, words: string, more = ""): string =>
    `<text x="16" y="${y}" text-anchor="start" font-size="${size}" fill="${fill}"${more}>${escaped(words)}</text>`;
  const parts = [
    `<rect x="0" y="${-ABOVE}" width="${width}" height="${whole}" fill="${PAPER.light}"/>`,
    text(26 - ABOVE, 16, INK.light, title, ' font-weight="600"'),
    text(46 - ABOVE, 12, QUIET.light, up),
    ...lines.map((line, i) => text(height + 8 + i * NOTE_LINE, 11, QUIET.light, line)),
  ].join("");
  // Functions, since a replacement that is a text gives dollar signs a meaning.
  return inline({ ...wide, svg: framed(svg, width, whole) }, title)
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace("</style>", () => `${darkCharts()}</style>${parts}`);
}

/** Adds room above and below; what is drawn keeps its place. */
function framed(svg: string, width: number, height: number): string {
  const sizes = { width, height, viewBox: `0 ${-ABOVE} ${width} ${height}` };
  return svg.replace(/^<svg\b[^>]*>/, (tag) =>
    Object.entries(sizes).reduce(
      (all, [name, value]) => all.replace(new RegExp(` ${name}="[^"]*"`), ` ${name}="${value}"`),
      tag,
    ),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
