import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { spreadOf } from "../../../src/evaluation/measures/spread.ts";

describe("the spread of values", () => {
  it("is that of the textbook", () => {
    const { mean, standardDeviation, standardError, minimum, maximum } = spreadOf([2, 4, 4, 5, 10]);
    expect([mean, minimum, maximum]).toEqual([5, 2, 10]);
    expect(standardDeviation).toBeCloseTo(3, 14); // sqrt(36 / 4)
    expect(standardError).toBeCloseTo(3 / Math.sqrt(5), 14);
  });

  it("does not suffer from a large mean", () => {
    expect(spreadOf([1e9, 1e9 + 1, 1e9 + 2]).standardDeviation).toBeCloseTo(1, 9);
  });

  it("does not depend on the order", () => {
    const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 2 });
    fc.assert(
      fc.property(values, (xs) => {
        const [there, back] = [spreadOf(xs), spreadOf([...xs].reverse())];
        expect(back.mean).toBeCloseTo(there.mean, 9);
        expect(back.standardDeviation).toBeCloseTo(there.standardDeviation, 6);
      }),
    );
  });

  it("of one value has no deviation, of none no mean", () => {
    expect(spreadOf([3])).toEqual({
      mean: 3,
      standardDeviation: NaN,
      standardError: NaN,
      minimum: 3,
      maximum: 3,
    });
    expect(Object.values(spreadOf([]))).toEqual([NaN, NaN, NaN, NaN, NaN]);
  });
});
