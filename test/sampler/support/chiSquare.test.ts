import { describe, expect, it } from "@jest/globals";
import { chiSquareTail, goodnessOfFit } from "./chiSquare.ts";

describe("the chi-square tail", () => {
  it.each([
    [3.841458820694124, 1, 0.05],
    [18.307038053275146, 10, 0.05],
    [29.58829844507442, 10, 0.001],
    [2.705543454095404, 1, 0.1],
    [124.34211340400407, 100, 0.05],
    [4.865182051925539, 10, 0.9],
  ])("of %d at %d degrees is %d", (x, degrees, p) => {
    expect(chiSquareTail(x, degrees)).toBeCloseTo(p, 9);
  });
});

describe("goodness of fit", () => {
  const even = new Map([
    ["a", 0.5],
    ["b", 0.5],
  ]);
  it("accepts what fits and rejects what does not", () => {
    expect(goodnessOfFit(new Map(Object.entries({ a: 505, b: 495 })), even)).toBeGreaterThan(0.5);
    expect(goodnessOfFit(new Map(Object.entries({ a: 600, b: 400 })), even)).toBeLessThan(1e-9);
  });
  it("rejects what is impossible", () => {
    expect(goodnessOfFit(new Map(Object.entries({ a: 500, b: 499, c: 1 })), even)).toBe(0);
  });
});
