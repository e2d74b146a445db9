/** How far two runs are apart: token for token, and in what the network said. */

/** [B][L] token ids. */
export type State = readonly (readonly number[])[];

export interface FirstDifference {
  /** Index of the state: the state after step i, or the final tokens. */
  readonly state: number;
  readonly sample: number;
  readonly position: number;
  readonly theirs: number;
  /** undefined: our run has no such state. */
  readonly ours: number | undefined;
}

export interface TokenComparison {
  readonly tokens: number;
  readonly mismatches: number;
  readonly first?: FirstDifference;
}

/** Every token of every state of theirs with ours; what ours lacks is a mismatch. */
export function compareStates(theirs: readonly State[], ours: readonly State[]): TokenComparison {
  let tokens = 0;
  let mismatches = 0;
  let first: FirstDifference | undefined;
  theirs.forEach((samples, state) =>
    samples.forEach((ids, sample) =>
      ids.forEach((id, position) => {
        const own = ours.at(state)?.at(sample)?.at(position);
        tokens++;
        if (own === id) return;
        mismatches++;
        first ??= { state, sample, position, theirs: id, ours: own };
      }),
    ),
  );
  return { tokens, mismatches, ...(first !== undefined && { first }) };
}

/** Below this a log-probability or log-score is as good as -infinity: e^-50 is 2e-22. */
const FLOOR = -50;

/** The largest |theirs - ours| where either is above {@link FLOOR}; NaN on one side alone is infinitely far. */
export function largestDifference(theirs: Float32Array, ours: Float32Array): number {
  if (theirs.length !== ours.length) {
    throw new RangeError(`${theirs.length} numbers of theirs, ${ours.length} of ours`);
  }
  let largest = 0;
  for (let i = 0; i < theirs.length; i++) {
    if (theirs[i] <= FLOOR && ours[i] <= FLOOR) continue;
    const difference = Math.abs(theirs[i] - ours[i]);
    if (Number.isNaN(difference)) return Infinity;
    largest = Math.max(largest, difference);
  }
  return largest;
}
