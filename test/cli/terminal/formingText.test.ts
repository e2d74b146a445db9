/** The text that forms: marks are told apart by colour where there is one, and every line fits. */
import { PassThrough } from "node:stream";
import { WriteStream } from "node:tty";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Cell, Mark } from "../../../src/cli/terminal/board.ts";
import {
  formingLines,
  legend,
  painter,
  type Paint,
} from "../../../src/cli/terminal/formingText.ts";
import { ProgressRenderer } from "../../../src/cli/terminal/progressRenderer.ts";
import { ScrollingWindow } from "../../../src/cli/terminal/scrollingWindow.ts";
import { stepsView } from "../../../src/cli/terminal/stepsView.ts";
import { harmless, widthOf, wrap } from "../../../src/cli/terminal/terminalText.ts";

const MARKS: readonly Mark[] = ["pinned", "new", "remasked", "masked", "settled"];
const ESCAPE = "\u001b[";
const tagged: Paint = (text, mark) => `<${mark}>${text}</>`;

function painted(cells: readonly Cell[], columns: number, paint: Paint): string[] {
  const lines = formingLines(cells, columns);
  return lines.map((line) => line.map(({ text, mark }) => paint(text, mark)).join(""));
}

const CELLS: readonly Cell[] = [
  { text: "ROMEO:", mark: "pinned" },
  { text: "\n", mark: "settled" },
  { text: "I", mark: "new" },
  { text: " do", mark: "new" },
  { text: "▒", mark: "masked" },
  { text: "▒", mark: "remasked" },
];

it("each mark has a colour of its own, and the settled text none", () => {
  const paint = painter(true);
  const painted = MARKS.map((mark) => paint("x", mark));
  expect(new Set(painted).size).toBe(MARKS.length);
  expect(paint("x", "settled")).toBe("x");
});

it("without colours nothing is added, and what was remasked is seen by its glyph", () => {
  const paint = painter(false);
  for (const mark of MARKS) expect(paint("x", mark)).toBe("x");
  expect(painted(CELLS, 40, paint)).toEqual(["ROMEO:", "I do▒▓"]);
});

it("neighbours of one mark are painted at once, line by line", () => {
  expect(painted(CELLS, 40, tagged)).toEqual([
    "<pinned>ROMEO:</>",
    "<new>I do</><masked>▒</><remasked>▓</>",
  ]);
});

it("a text in pieces that compose is broken like any other, and keeps its marks", () => {
  const cells: Cell[] = [
    { text: "caf", mark: "settled" },
    { text: "e", mark: "new" },
    { text: "\u0301", mark: "masked" },
    { text: " noir", mark: "settled" },
  ];
  expect(painted(cells, 5, tagged)).toEqual(["<settled>caf</><new>é</>", "<settled>noir</>"]);
});

it("any text is broken as if it had no marks", () => {
  const cell = fc.record({
    text: fc.oneof(fc.string({ unit: "grapheme", maxLength: 6 }), fc.constantFrom(" ", "\n", "")),
    mark: fc.constantFrom<Mark>("pinned", "new", "masked", "settled"),
  });
  fc.assert(
    fc.property(
      fc.array(cell, { maxLength: 40 }),
      fc.integer({ min: 4, max: 30 }),
      (cells, columns) => {
        const text = cells.map((one) => harmless(one.text)).join("");
        const plain = painted(cells, columns, (piece) => piece);
        expect(plain).toEqual(wrap(text, columns));
        for (const line of plain) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        const bare = painted(cells, columns, tagged).map((line) =>
          line.replace(/<(pinned|new|masked|settled)>|<\/>/g, ""),
        );
        expect(bare.join("")).toBe(plain.join(""));
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

it("nothing of the text steers the terminal", () => {
  const cells: Cell[] = [{ text: "\u001b[2Jx\u009b31m", mark: "new" }];
  expect(painted(cells, 40, painter(false))).toEqual(["␛[2Jx\ufffd31m"]);
});

it("the legend names what can be told apart", () => {
  const texts = (hasColors: boolean, cells: readonly Cell[]) =>
    legend(cells, hasColors).map(({ text }) => text);
  expect(texts(true, CELLS)).toEqual(["▒ masked", "▓ remasked", "new", "given"]);
  expect(texts(true, CELLS.slice(1))).toEqual(["▒ masked", "▓ remasked", "new"]);
  expect(texts(false, CELLS)).toEqual(["▒ masked", "▓ remasked"]);
});

describe("the live view", () => {
  /** What a terminal is sent, or what is not a terminal. */
  function drawn(isTTY: boolean, env: Readonly<Record<string, string>>): string {
    const pipe = new PassThrough();
    let said = "";
    pipe.on("data", (chunk: Buffer) => (said += chunk.toString()));
    // Node's own decision, on an environment of the test's.
    const hasColors = () => WriteStream.prototype.hasColors(env);
    const stream = Object.assign(pipe, { isTTY, columns: 80, rows: 24, hasColors });
    const renderer = ProgressRenderer.on(stream as unknown as NodeJS.WriteStream, false);
    const counts = { finishedSamples: 0, samples: 1, forwardCalls: 1, forwardRows: 1 };
    const clock = { done: 1, total: 2, step: 1, time: 0.5 };
    const forming = () => ({ heading: "", cells: CELLS });
    const progress = { type: "progress", ...clock, ...counts } as const;
    renderer.show(stepsView(progress, forming, new ScrollingWindow()));
    renderer.hint("Next: more");
    renderer.end();
    return said;
  }
  const hasRed = (text: string) => text.includes(`${ESCAPE}31m▓`);

  it.each([
    [{ TERM: "xterm-256color" }, true],
    [{ TERM: "xterm-256color", NO_COLOR: "1" }, false],
    [{ TERM: "xterm-256color", FORCE_COLOR: "0" }, false],
    [{ FORCE_COLOR: "1" }, true],
  ])("on a terminal with %j has colours: %s", (env, colours) => {
    const text = drawn(true, env);
    expect(text).toContain("▓ remasked");
    expect(hasRed(text)).toBe(colours);
    // eslint-disable-next-line no-control-regex -- they are the point
    expect(/\u001b\[[0-9;]*m/.test(text)).toBe(colours);
    expect(text).toContain("Next: more\n");
  });

  it.each([{}, { FORCE_COLOR: "1" }])(
    "is not drawn where there is no terminal, and no escape code is sent: %j",
    (env) => {
      expect(drawn(false, env)).not.toContain(ESCAPE);
      expect(drawn(false, env)).not.toContain("Next");
    },
  );
});
