/** Finds the samples that are still to be drawn where some are there already. */
import type { SamplerOptions } from "./events.ts";

/** Samples in a row, as the options say them. */
export type SampleRange = Required<Pick<SamplerOptions, "firstSample" | "samples">>;

/**
 * Finds the gaps between the samples that are there, in order; samples finish in any order.
 * @param total number of samples, counted from 0.
 */
export function missingRanges(
  there: Iterable<{ readonly sample: number }>,
  total: number,
): SampleRange[] {
  const numbers = new Set(Array.from(there, ({ sample }) => sample));
  const ranges: SampleRange[] = [];
  let first: number | undefined;
  for (let sample = 0; sample <= total; sample++) {
    const isMissing = sample < total && !numbers.has(sample);
    if (isMissing) first ??= sample;
    if (isMissing || first === undefined) continue;
    ranges.push({ firstSample: first, samples: sample - first });
    first = undefined;
  }
  return ranges;
}
