/** Pearson's goodness-of-fit test. */

/** Cells with fewer expected counts than this are thrown together, as the approximation needs. */
const MIN_EXPECTED = 5;

/**
 * @param counts how often each outcome was seen.
 * @param probabilities of each outcome; those not listed are impossible.
 * @returns the p-value: the chance of counts at least as far off; 0 when an impossible outcome was seen.
 */
export function goodnessOfFit(
  counts: ReadonlyMap<string, number>,
  probabilities: ReadonlyMap<string, number>,
): number {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (const outcome of counts.keys()) {
    if ((probabilities.get(outcome) ?? 0) === 0) return 0;
  }
  let statistic = 0;
  let cells = 0;
  let rare = { observed: 0, expected: 0 };
  const add = (observed: number, expected: number) => {
    statistic += (observed - expected) ** 2 / expected;
    cells++;
  };
  for (const [outcome, probability] of probabilities) {
    const observed = counts.get(outcome) ?? 0;
    const expected = probability * total;
    if (expected >= MIN_EXPECTED) add(observed, expected);
    else {
      rare = { observed: rare.observed + observed, expected: rare.expected + expected };
    }
  }
  if (rare.expected > 0) add(rare.observed, Math.max(rare.expected, 1e-9));
  return cells < 2 ? 1 : chiSquareTail(statistic, cells - 1);
}

/** P(X >= x) for X chi-square distributed: the regularized upper incomplete gamma Q(k/2, x/2). */
export function chiSquareTail(x: number, degrees: number): number {
  const a = degrees / 2;
  const y = x / 2;
  if (y <= 0) return 1;
  const front = Math.exp(a * Math.log(y) - y - logGamma(a));
  return y < a + 1 ? 1 - front * lowerSeries(a, y) : front * upperFraction(a, y);
}

/** sum over n of y^n / (a (a+1) ... (a+n)) */
function lowerSeries(a: number, y: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; term > sum * 1e-16; n++) {
    term *= y / (a + n);
    sum += term;
  }
  return sum;
}

/** The continued fraction of the upper incomplete gamma, by Lentz's method. */
function upperFraction(a: number, y: number): number {
  let b = y + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let i = 1; i < 1000; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    value *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return value;
}

/** log Gamma at the multiples of 1/2. */
function logGamma(a: number): number {
  let result = Number.isInteger(a) ? 0 : 0.5 * Math.log(Math.PI);
  for (let x = a - 1; x > 0; x--) result += Math.log(x);
  return result;
}
