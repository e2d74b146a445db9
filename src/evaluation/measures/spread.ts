/** A spread says how a number varies from sample to sample. */

export interface Spread {
  readonly mean: number;
  /** Standard deviation of the values, with n - 1 in the denominator; NaN for fewer than two. */
  readonly standardDeviation: number;
  /** Error of the mean: the standard deviation over sqrt(n); NaN for fewer than two values. */
  readonly standardError: number;
  readonly minimum: number;
  readonly maximum: number;
}

/**
 * Computes the spread in one pass, without the cancellation of a sum of squares (Welford 1962).
 * Every number is NaN for no values.
 */
export function spreadOf(values: Iterable<number>): Spread {
  let [n, mean, squares] = [0, 0, 0];
  let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    n++;
    const distance = value - mean;
    mean += distance / n;
    squares += distance * (value - mean);
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
  }
  if (n === 0) {
    const none = Number.NaN;
    return {
      mean: none,
      standardDeviation: none,
      standardError: none,
      minimum: none,
      maximum: none,
    };
  }
  const standardDeviation = n > 1 ? Math.sqrt(squares / (n - 1)) : Number.NaN;
  return {
    mean,
    standardDeviation,
    standardError: standardDeviation / Math.sqrt(n),
    minimum,
    maximum,
  };
}
