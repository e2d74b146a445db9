import { describe, expect, it } from "@jest/globals";
import { roundToBfloat16 } from "../../../src/sampler/draw/rounding.ts";

describe("bfloat16", () => {
  it.each([
    [1, 1],
    [-0.1, -0.10009765625],
    [1 + 2 ** -8, 1], // half-way: to even
    [1 + 3 * 2 ** -8, 1 + 2 ** -6], // half-way: to even
    [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7],
    [3.4e38, Infinity], // beyond the largest
    [0, 0],
    [-Infinity, -Infinity],
  ])("rounds %d to %d, to the nearest and ties to even", (value, rounded) => {
    expect(roundToBfloat16(value)).toBe(rounded);
  });

  it("keeps what is no number", () => {
    expect(roundToBfloat16(NaN)).toBeNaN();
  });
});
