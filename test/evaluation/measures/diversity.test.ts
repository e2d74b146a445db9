import { describe, expect, it } from "@jest/globals";
import { distinctNgrams } from "../../../src/evaluation/measures/diversity.ts";
import { duplicateShare } from "../../../src/evaluation/measures/diversity.ts";
import { repetitionOf } from "../../../src/evaluation/measures/repetition.ts";

describe("distinct-n", () => {
  it("counts n-grams over the whole set", () => {
    const set = [Int32Array.of(1, 2, 1, 2), [1, 2, 3]];
    expect(distinctNgrams(set, 1)).toBe(3 / 7);
    expect(distinctNgrams(set, 2)).toBe(3 / 5); // 12 21 12, 12 23
  });

  it("does not take 1, 23 for 12, 3", () => {
    expect(
      distinctNgrams(
        [
          [1, 23],
          [12, 3],
        ],
        2,
      ),
    ).toBe(1);
  });

  it("knows large ids and small ones apart, and longer runs", () => {
    const large = [2 ** 21, 2 ** 31 - 1, 0, 1].flatMap((a) =>
      [0, 1, 2 ** 21 - 1, 2 ** 21].map((b) => [a, b]),
    );
    expect(distinctNgrams(large, 2)).toBe(1);
    expect(distinctNgrams([...large, ...large], 2)).toBe(0.5);
    expect(
      distinctNgrams(
        ["1 23 4", "12 3 4"].map((text) => text.split(" ").map(Number)),
        3,
      ),
    ).toBe(1);
  });

  it("is not known of a set without n-grams", () => {
    expect(distinctNgrams([[1], []], 2)).toBeNaN();
  });
});

describe("repetition", () => {
  it("is the share of 4-grams that were there before", () => {
    expect(repetitionOf([1, 2, 3, 4, 5, 6])).toBe(0);
    expect(repetitionOf([1, 2, 3, 4, 1, 2, 3, 4])).toBe(1 / 5);
    expect(repetitionOf(new Int32Array(103))).toBe(99 / 100);
  });

  it("is 0 where there is none", () => {
    expect(repetitionOf([1, 1, 1])).toBe(0);
    expect(repetitionOf([])).toBe(0);
  });
});

describe("duplicates", () => {
  it("are those that equal an earlier one", () => {
    expect(duplicateShare(["a", "b", "a", "a"])).toBe(0.5);
    expect(duplicateShare(["a", "b"])).toBe(0);
    expect(duplicateShare([])).toBe(0);
  });
});
