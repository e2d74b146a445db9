/**
 * Weights of particles, and offspring in proportion to them: the schemes of Douc, Cappe and
 * Moulines, "Comparison of resampling schemes for particle filtering" (ISPA 2005), and the
 * effective sample size as in Doucet and Johansen, "A tutorial on particle filtering and smoothing"
 * (2009), section 3.5.
 */
import type { ResamplingScheme } from "../guide.ts";

export interface Weights {
  /** [N] in [0, 1], sum 1; all 0 where every weight is 0. */
  readonly normalized: readonly number[];
  /** 1 / sum of squares, in [1, N]; 0 where every weight is 0. */
  readonly effectiveSampleSize: number;
  /** Log of the mean of the weights before they are normalised; -Infinity where all are 0. */
  readonly logMean: number;
}

/** Normalises weights. @param logWeights [N] natural logs, below Infinity. */
export function weightsOf(logWeights: readonly number[]): Weights {
  const max = Math.max(...logWeights);
  if (max === -Infinity) {
    const normalized = logWeights.map(() => 0);
    return { normalized, effectiveSampleSize: 0, logMean: -Infinity };
  }
  const relative = logWeights.map((weight) => Math.exp(weight - max));
  const sum = relative.reduce((total, weight) => total + weight, 0);
  const squares = relative.reduce((total, weight) => total + weight * weight, 0);
  return {
    normalized: relative.map((weight) => weight / sum),
    effectiveSampleSize: (sum * sum) / squares,
    logMean: max + Math.log(sum / logWeights.length),
  };
}

/**
 * Draws how many copies of each particle go on: N w_j on average in every scheme.
 * @param weights [N] that sum to 1.
 * @param uniform the k-th random number of this resampling, k in [0, N); systematic takes one.
 * @returns [N] counts that sum to N.
 */
export function drawOffspring(
  scheme: ResamplingScheme,
  weights: readonly number[],
  uniform: (k: number) => number,
): number[] {
  const size = weights.length;
  const points = (point: (k: number) => number): number[] => {
    return countPicks(
      weights,
      Array.from({ length: size }, (_, k) => point(k)),
    );
  };
  switch (scheme) {
    case "systematic": {
      const first = uniform(0);
      return points((k) => (k + first) / size);
    }
    case "stratified":
      return points((k) => (k + uniform(k)) / size);
    case "multinomial":
      return points(uniform);
    case "residual": {
      const whole = weights.map((weight) => Math.floor(size * weight));
      const left = size - whole.reduce((sum, count) => sum + count, 0);
      if (left === 0) return whole;
      const rest = weights.map((weight, j) => (size * weight - whole[j]) / left);
      const picks = countPicks(
        rest,
        Array.from({ length: left }, (_, k) => uniform(k)),
      );
      return whole.map((count, j) => count + picks[j]);
    }
  }
}

/**
 * Returns the particle at a point of the stacked weights; never one of weight 0.
 * @param point in [0, 1).
 */
export function pick(weights: readonly number[], point: number): number {
  let sum = 0;
  let last = 0;
  for (let j = 0; j < weights.length; j++) {
    if (weights[j] === 0) continue;
    sum += weights[j];
    last = j;
    if (point < sum) return j;
  }
  return last; // the sum may round to less than 1
}

function countPicks(weights: readonly number[], points: readonly number[]): number[] {
  const counts = weights.map(() => 0);
  for (const point of points) counts[pick(weights, point)]++;
  return counts;
}

/**
 * Places offspring: a particle that goes on keeps its place, and further copies of it take the
 * places of those that end, in order.
 * @param offspring [N] counts that sum to N.
 * @returns [N] for each place, the particle that goes on there.
 */
export function placeOffspring(offspring: readonly number[]): number[] {
  const further = offspring.flatMap((count, j) =>
    new Array<number>(Math.max(0, count - 1)).fill(j),
  );
  let next = 0;
  return offspring.map((count, j) => (count > 0 ? j : further[next++]));
}
