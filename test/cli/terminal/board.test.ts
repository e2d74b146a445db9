import { expect, it } from "@jest/globals";
import { Board } from "../../../src/cli/terminal/board.ts";
import type { RunEvent } from "../../../src/index.ts";

const step = { step: 0, time: 1 };

function revealed(sample: number, texts: Readonly<Record<number, string>>): RunEvent {
  const pieces = Object.entries(texts).map(([at, text]) => ({ position: Number(at), text }));
  const positions = pieces.map(({ position }) => position);
  const tokens = positions.map(() => 5);
  const probabilities = positions.map(() => 0.5);
  const logProbabilities = positions.map(() => -1);
  return {
    type: "revealed",
    sample,
    ...step,
    positions,
    tokens,
    probabilities,
    logProbabilities,
    pieces,
  };
}

function remasked(sample: number, position: number): RunEvent {
  const pieces = [{ position, text: "▒" }];
  return { type: "remasked", sample, ...step, positions: [position], tokens: [5], pieces };
}

function shown(board: Board): string | undefined {
  return board
    .picture()
    ?.cells.map(({ text, mark }) => `${text}:${mark}`)
    .join(" ");
}

it("puts a sample together as its pieces come and go, and tells what happened to each", () => {
  const board = new Board(["a", "▒", "▒", " ▒"]);
  expect(board.picture()).toBeUndefined();
  board.apply(revealed(2, { 1: "b", 3: "d" }));
  expect(shown(board)).toBe("a:pinned b:new ▒:masked d:new");
  board.apply(remasked(2, 3));
  expect(shown(board)).toBe("a:pinned b:new ▒:masked ▒:remasked");
  expect(board.picture()?.sample).toBe(2);
});

it("a change is marked in three pictures, however many steps are between them", () => {
  const board = new Board(["▒", "▒"]);
  board.apply(revealed(0, { 0: "a", 1: "b" }));
  board.apply(remasked(0, 1));
  const marks = Array.from({ length: 4 }, () => shown(board));
  expect(marks).toEqual([
    "a:new ▒:remasked",
    "a:new ▒:remasked",
    "a:new ▒:remasked",
    "a:settled ▒:masked",
  ]);
});

it("a neighbour whose piece changes is not new", () => {
  const board = new Board(["▒", "▒"]);
  board.apply(revealed(0, { 0: "" }));
  for (let i = 0; i < 4; i++) board.picture();
  const half = revealed(0, { 1: "é" });
  board.apply(half);
  expect(shown(board)).toBe(":settled é:new");
});

it("shows the first one under way, and the next when that is finished", () => {
  const board = new Board(["▒"]);
  for (const sample of [0, 1]) board.apply(revealed(sample, { 0: String(sample) }));
  expect(board.picture()?.sample).toBe(0);
  const text = { pieces: [], text: "0" };
  const end = { tokens: [0], finishReason: "length", forwardCalls: 1, ...text } as const;
  board.apply({ type: "finished", sample: 0, ...end });
  expect(board.picture()).toMatchObject({ sample: 1, cells: [{ text: "1" }] });
});

it("shows the particle that a weighting tells", () => {
  const board = new Board(["a", "▒", "▒"]);
  const weighted = (pieces: Readonly<Record<number, string>>): RunEvent => ({
    ...{ type: "weighted", sample: 0, ...step, particles: [], effectiveSampleSize: 1 },
    pieces: Object.entries(pieces).map(([at, text]) => ({ position: Number(at), text })),
  });
  board.apply(weighted({ 1: "b" }));
  expect(shown(board)).toBe("a:pinned b:new ▒:masked");
  board.apply(weighted({ 1: "▒", 2: "c" }));
  expect(shown(board)).toBe("a:pinned ▒:remasked c:new");
});
