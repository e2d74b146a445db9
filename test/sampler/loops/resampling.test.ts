import { describe, expect, it } from "@jest/globals";
import type { ResamplingScheme } from "../../../src/sampler/index.ts";
import {
  drawOffspring,
  pick,
  placeOffspring,
  weightsOf,
} from "../../../src/sampler/loops/resampling.ts";

describe("weights", () => {
  it.each([
    { weights: [1, 1, 1, 1], size: 4, mean: 1 },
    { weights: [1, 0, 0, 0], size: 1, mean: 0.25 },
    { weights: [3, 1], size: 16 / 10, mean: 2 },
    { weights: [1, 2, 3, 4], size: 100 / 30, mean: 2.5 },
  ])("$weights have the effective sample size $size", ({ weights, size, mean }) => {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const { normalized, effectiveSampleSize, logMean } = weightsOf(weights.map(Math.log));
    expect(effectiveSampleSize).toBeCloseTo(size, 12);
    expect(logMean).toBeCloseTo(Math.log(mean), 12);
    normalized.forEach((share, j) => expect(share).toBeCloseTo(weights[j] / sum, 12));
  });

  it("may be far too large or small for exp", () => {
    expect(weightsOf([5000, 5000 + Math.log(3), -5000]).normalized).toEqual([
      expect.closeTo(0.25, 9),
      expect.closeTo(0.75, 9),
      0,
    ]);
    expect(weightsOf([5000, 5000]).logMean).toBeCloseTo(5000, 9);
  });

  it("that are all 0 stay 0", () => {
    const none = { normalized: [0, 0], effectiveSampleSize: 0, logMean: -Infinity };
    expect(weightsOf([-Infinity, -Infinity])).toEqual(none);
  });
});

const WEIGHTS = [
  [0.5, 0.25, 0.25],
  [0.2, 0, 0.7, 0.1],
  [0.05, 0.9, 0.05],
  [1, 0],
];

/** Offspring for every combination of a grid of random numbers, or for a grid of the one that is taken. */
function* overGrid(scheme: ResamplingScheme, weights: readonly number[], points: number) {
  const used = new Set<number>();
  drawOffspring(scheme, weights, (k) => {
    used.add(k);
    return 0;
  });
  const dimensions = used.size;
  for (let i = 0; i < points ** dimensions; i++) {
    yield drawOffspring(scheme, weights, (k) => {
      return ((Math.floor(i / points ** k) % points) + 0.5) / points;
    });
  }
}

describe("offspring", () => {
  const schemes: ResamplingScheme[] = ["systematic", "stratified", "residual", "multinomial"];
  it.each(schemes.flatMap((scheme) => WEIGHTS.map((weights) => ({ scheme, weights }))))(
    "of $weights are N w on average: $scheme",
    ({ scheme, weights }) => {
      // Each boundary lies between two points of the grid, so its means are exact.
      const all = [...overGrid(scheme, weights, weights.length > 3 ? 20 : 40)];
      const size = weights.length;
      weights.forEach((weight, j) => {
        const mean = all.reduce((sum, counts) => sum + counts[j], 0) / all.length;
        expect(mean).toBeCloseTo(size * weight, 9);
      });
      const sumOf = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
      expect(all.filter((counts) => sumOf(counts) !== size)).toEqual([]);
      const isImpossible = (count: number, j: number) => count > 0 && weights[j] === 0;
      expect(all.filter((counts) => counts.some(isImpossible))).toEqual([]);
      // Each gets the whole part of N w at least.
      if (scheme !== "systematic" && scheme !== "residual") return;
      const isShort = (count: number, j: number) => count < Math.floor(size * weights[j]);
      expect(all.filter((counts) => counts.some(isShort))).toEqual([]);
    },
  );

  it("differ from scheme to scheme", () => {
    const uniforms = [0.9, 0.1, 0.3, 0.2];
    const of = (scheme: ResamplingScheme) => {
      return drawOffspring(scheme, [0.4, 0.3, 0.2, 0.1], (k) => uniforms[k]);
    };
    expect(of("systematic")).toEqual([1, 1, 1, 1]); // 0.225, 0.475, 0.725, 0.975
    expect(of("stratified")).toEqual([2, 1, 1, 0]); // 0.225, 0.275, 0.575, 0.8
    expect(of("multinomial")).toEqual([3, 0, 0, 1]); // 0.9, 0.1, 0.3, 0.2
    expect(of("residual")).toEqual([2, 1, 0, 1]); // 1, 1 and of 0.3, 0.1, 0.4, 0.2: 0.9, 0.1
  });

  it("take the places of those that end, in order", () => {
    expect(placeOffspring([1, 1, 1])).toEqual([0, 1, 2]);
    expect(placeOffspring([0, 3, 0, 1])).toEqual([1, 1, 1, 3]);
    expect(placeOffspring([2, 0, 2, 0])).toEqual([0, 0, 2, 2]);
  });

  it("never come from a weight of 0, also where the sum rounds to less than 1", () => {
    expect(pick([0, 0.3, 0.7 - 2 ** -50, 0], 1 - 2 ** -53)).toBe(2);
    expect(pick([0, 1], 0)).toBe(1);
  });
});
