import { describe, expect, it } from "@jest/globals";
import { weigh } from "../../../src/sampler/draw/exponential.ts";

const BITS = 1300n;

/** exp(x) as an integer multiple of 2^-1300: the series at x / 2^20, then squared 20 times. @param x multiple of 2^-40. */
function exact(x: number): bigint {
  const small = (BigInt(x * 2 ** 40) << (BITS - 40n)) >> 20n;
  let sum = 0n;
  let term = 1n << BITS;
  for (let k = 1n; term !== 0n && term !== -1n; k++) {
    sum += term;
    term = ((term * small) >> BITS) / k;
  }
  for (let square = 0; square < 20; square++) sum = (sum * sum) >> BITS;
  return sum;
}

/** How far `value` is from exp(x), in units of the last place of `value`. */
function errorInUlps(value: number, x: number): number {
  const exponent = Math.floor(Math.log2(value));
  const unit = 1n << (BITS + BigInt(exponent - 52));
  const error = BigInt(value * 2 ** -exponent * 2 ** 52) * unit - exact(x);
  return Math.abs(Number((error * 1_000_000n) / unit)) / 1e6;
}

describe("weights", () => {
  it("are exp(logit - max) within 1.2 units in the last place, from 0 down to -708", () => {
    const max = 0.7654321 * 2 ** 24;
    const row = Float32Array.from({ length: 1500 }, (_, i) => {
      const depth = i < 1000 ? (i * 0.02347) ** 2 / 10 : i * 0.4713;
      return Math.fround(Math.round(max) / 2 ** 24 - depth);
    });
    const top = row[0];
    const weights = new Float64Array(row.length);
    weigh(row, top, 1, 0, row.length, weights);
    const errors = Array.from(weights, (weight, i) => errorInUlps(weight, row[i] - top));
    expect(Math.max(...errors)).toBeLessThan(1.2);
    expect(weights[0]).toBe(1);
    expect(row.at(-1)).toBeLessThan(-700);
  });

  it("are 0 where no normal number is left", () => {
    const weights = new Float64Array(3).fill(NaN);
    weigh(Float32Array.of(-Infinity, -3e38, -709), 0, 1, 0, 3, weights);
    expect([...weights]).toEqual([0, 0, 0]);
  });

  it("are those of the stretch asked for, and their sum", () => {
    const row = Float32Array.from({ length: 1000 }, (_, i) => -i / 100);
    const weights = new Float64Array(1000);
    const total = weigh(row, 0, 1, 3, 900, weights);
    expect(weights.findIndex((weight) => weight > 0)).toBe(3);
    expect(weights.findLastIndex((weight) => weight > 0)).toBe(899);
    expect(total).toBeCloseTo(
      weights.reduce((sum, weight) => sum + weight, 0),
      11,
    );
  });

  it.each([1e-300, 1e-3, 0.7, 2, 1e300])("are those of the logits divided by %d", (temperature) => {
    const row = Float32Array.of(2.5, 2.25, 0, -700, -3e38, -Infinity);
    const weights = new Float64Array(6);
    const total = weigh(row, 2.5, 1 / temperature, 0, 6, weights);
    const expected = Array.from(row, (logit) => Math.exp((logit - 2.5) / temperature));
    weights.forEach((weight, i) => {
      expect(weight).toBeCloseTo(expected[i] > 1e-307 ? expected[i] : 0, 14);
    });
    expect(weights[0]).toBe(1);
    expect(weights[5]).toBe(0);
    expect(total).toBeCloseTo(
      expected.reduce((sum, weight) => sum + weight, 0),
      12,
    );
  });
});
