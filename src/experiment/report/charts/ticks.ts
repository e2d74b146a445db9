/** Chooses the numbers of an axis and its grid: round ones. */

/** The ticks of an axis. */
export interface Ticks {
  /** Ascending. */
  readonly ticks: readonly number[];
  /** Range of the axis; on a linear axis from the first tick to the last. */
  readonly domain: readonly [number, number];
  readonly format: (value: number) => string;
}

/** Distances of ticks, times a power of ten. */
const STEPS = [1, 2, 2.5, 5, 10];

/**
 * Chooses the ticks of a linear axis.
 * @param bounds that no value can lie beyond.
 * @param count of ticks, about.
 */
export function linearTicks(
  least: number,
  most: number,
  [lowest, highest]: readonly [number, number],
  count = 6,
): Ticks {
  const span = most - least || Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * (STEPS.find((one) => (one * power * count) / span >= 1 - 1e-9) ?? 10);
  const decimals = decimalsOf(step);
  const at = (n: number): number => Number((n * step).toFixed(decimals));
  let first = Math.floor(least / step + 1e-9);
  let last = Math.max(first + 1, Math.ceil(most / step - 1e-9));
  while (at(first) < lowest) first++;
  while (at(last) > highest) last--;
  if (first >= last) first = last - 1;
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => at(first + i));
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const format = (value: number): string => value.toLocaleString("en-US", digits);
  return { ticks, domain: [ticks[0], ticks[ticks.length - 1]], format };
}

function decimalsOf(step: number): number {
  for (let decimals = 0; decimals < 12; decimals++) {
    if (Math.abs(Number(step.toFixed(decimals)) - step) < step * 1e-6) return decimals;
  }
  return 12;
}

/** Chooses the ticks of a logarithmic axis for positive numbers. */
export function logTicks(least: number, most: number): Ticks {
  const domain = [least / 1.12, most * 1.12] as const;
  const [from, to] = domain.map((value) => Math.floor(Math.log10(value)));
  const decades = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const of = (mantissas: readonly number[]): number[] =>
    decades
      .flatMap((decade) => mantissas.map((mantissa) => Number((mantissa * decade).toPrecision(1))))
      .filter((value) => value >= domain[0] && value <= domain[1]);
  const dense = of([1, 2, 3, 4, 6, 8]);
  const sparse = of([1, 2, 5]);
  const ticks = sparse.length >= 5 ? sparse : dense;
  const format = (value: number): string =>
    value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
  return { ticks, domain, format };
}
