import { describe, expect, it } from "@jest/globals";
import type { Likelihood } from "../../../src/evaluation/judge/textJudge.ts";
import { perplexityOf } from "../../../src/evaluation/measures/perplexity.ts";

/** Numbers in [0, 1), the same in each run. */
function uniforms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Texts of 50 to 150 tokens that are more or less hard, as a whole. */
function texts(n: number, next: () => number): Likelihood[] {
  return Array.from({ length: n }, () => {
    const tokens = 50 + Math.floor(100 * next());
    return { tokens, nats: tokens * (3 + next()) };
  });
}

describe("perplexity", () => {
  it("is the exponential of all nats over all tokens, so long texts weigh more", () => {
    const { value, tokens } = perplexityOf([
      { nats: 1 * Math.log(100), tokens: 1 },
      { nats: 3 * Math.log(10), tokens: 3 },
    ]);
    expect(value).toBeCloseTo(Math.exp((Math.log(100) + 3 * Math.log(10)) / 4), 12);
    expect(tokens).toBe(4);
  });

  it("of texts that are all as hard has no error, whatever their lengths", () => {
    const even = [10, 20, 70].map((tokens) => ({ tokens, nats: 3 * tokens }));
    expect(perplexityOf(even).standardError).toBeCloseTo(0, 10);
  });

  it("has the error that a bootstrap finds", () => {
    const next = uniforms(7);
    const observed = texts(200, next);
    const { standardError } = perplexityOf(observed);
    const values = Array.from({ length: 2000 }, () => {
      const resampled = observed.map(() => observed[Math.floor(next() * observed.length)]);
      return perplexityOf(resampled).value;
    });
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
    // The bootstrap's own error is 1.6%; its bias 1/(2n).
    expect(Math.abs(standardError / Math.sqrt(variance) - 1)).toBeLessThan(0.06);
  });

  it("has the error that new samples have", () => {
    const next = uniforms(11);
    const runs = Array.from({ length: 500 }, () => perplexityOf(texts(60, next)));
    const mean = runs.reduce((sum, { value }) => sum + value, 0) / runs.length;
    const spread = runs.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / 499;
    const claimed = runs.reduce((sum, { standardError }) => sum + standardError ** 2, 0) / 500;
    // A ratio of variances with 499 degrees of freedom: beyond 0.8 and 1.25 less than once in a thousand seeds.
    expect(claimed / spread).toBeGreaterThan(0.8);
    expect(claimed / spread).toBeLessThan(1.25);
  });

  it("of one text has no known error, of no token no value", () => {
    expect(perplexityOf([{ nats: 3, tokens: 3 }]).standardError).toBeNaN();
    expect(perplexityOf([{ nats: 0, tokens: 0 }]).value).toBeNaN();
    expect(perplexityOf([]).value).toBeNaN();
  });
});
