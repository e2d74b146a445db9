import { expect, it } from "@jest/globals";
import { Board } from "../../src/cli/board.ts";

const step = { step: 0, time: 1 };

it("puts the tokens of a sample together as they come and go", () => {
  const board = new Board({ length: 4, maskId: 9, beginning: [7] });
  expect(board.current).toBeUndefined();
  const revealed = { positions: Int32Array.of(1, 3), tokens: Int32Array.of(5, 6) };
  board.apply({ type: "revealed", sample: 2, ...step, ...revealed });
  expect(board.current).toEqual({ sample: 2, tokens: Int32Array.of(7, 5, 9, 6) });
  board.apply({ type: "remasked", sample: 2, ...step, positions: Int32Array.of(3) });
  expect(board.current?.tokens).toEqual(Int32Array.of(7, 5, 9, 9));
});

it("shows the first one under way, and the next when that is finished", () => {
  const board = new Board({ length: 1, maskId: 9, beginning: [] });
  for (const sample of [0, 1]) {
    const revealed = { positions: Int32Array.of(0), tokens: Int32Array.of(sample) };
    board.apply({ type: "revealed", sample, ...step, ...revealed });
  }
  expect(board.current?.sample).toBe(0);
  board.apply({ type: "finished", sample: 0, tokens: Int32Array.of(0) });
  expect(board.current?.sample).toBe(1);
});
