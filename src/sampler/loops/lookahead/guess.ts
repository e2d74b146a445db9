/**
 * Says how likely a guess is right: a token that was drawn, with the noise of its own place, from a
 * row of a state that is a little different from the one in which it will be drawn.
 *
 * What matters is how far the changed positions are from the row's, and how far ahead the token won
 * its race. The numbers are a logistic fit of 17,436 guesses of remdm-loop on the bundled `demo`
 * (docs/decisions/parallel-in-time.md); on other networks they are a guess too. They decide what
 * is asked for early and never what a token is.
 */
import type { Draw } from "../../draw/rowAddress.ts";

/** Stands for a token that is not known. Never asked about. */
export const ANY_TOKEN: Draw = { token: -1, probability: 1, logProbability: 0 };

/** Positions farther away than this do not count. */
const FAR = 64;
/** Weight of a change by its distance: distance^-1.5. */
const WEIGHTS = Float64Array.from({ length: FAR + 1 }, (_, distance) => {
  return distance === 0 ? 0 : distance ** -1.5;
});
const INTERCEPT = -1.4;
const OF_LEAD = 1.5;
const OF_CHANGES = -1.25;
/** Added to the changes: a row of the very same state is not certain either, by rounding. */
const NO_CHANGES = 0.02;
/** A longer lead says no more. */
const LONGEST_LEAD = Math.log(10);

/**
 * Sums what differs between two states around a position, from near to far.
 * @param a [L] tokens, and `b` likewise.
 * @param enough a sum that is not asked for any more; more than it is returned for more.
 * @returns at least 0; a neighbour that differs counts 1.
 */
export function changesAround(
  position: number,
  a: Int32Array,
  b: Int32Array,
  enough = Infinity,
): number {
  const before = position;
  const after = a.length - 1 - position;
  const far = Math.min(FAR, Math.max(before, after));
  let sum = 0;
  for (let distance = 1; distance <= far && sum <= enough; distance++) {
    const left = position - distance;
    const right = position + distance;
    if (distance <= before && a[left] !== b[left]) sum += WEIGHTS[distance];
    if (distance <= after && a[right] !== b[right]) sum += WEIGHTS[distance];
  }
  return sum;
}

/**
 * Sums what differs between two states around every position.
 * @returns [L] as {@link changesAround}, to the rounding.
 */
export function changesEverywhere(a: Int32Array, b: Int32Array): Float64Array {
  const sums = new Float64Array(a.length);
  a.forEach((token, changed) => {
    if (token === b[changed]) return;
    const end = Math.min(a.length, changed + FAR + 1);
    for (let i = Math.max(0, changed - FAR); i < end; i++)
      sums[i] += WEIGHTS[Math.abs(i - changed)];
  });
  return sums;
}

/**
 * Finds the state that differs least around a position.
 * @param tokens [L] the state that is compared with.
 * @returns what differs there too; undefined where there is no state.
 */
export function nearestOf<State extends { readonly tokens: Int32Array }>(
  states: readonly State[],
  position: number,
  tokens: Int32Array,
): { readonly state: State; readonly changes: number } | undefined {
  let nearest: { readonly state: State; readonly changes: number } | undefined;
  for (const state of states) {
    const changes = changesAround(position, state.tokens, tokens, nearest?.changes);
    if (nearest === undefined || changes < nearest.changes) nearest = { state, changes };
  }
  return nearest;
}

/**
 * Returns the chance that a guess is right, in (0, 1).
 * @param changes of {@link changesAround}; Infinity where there is no row.
 * @param lead of the draw.
 */
export function chanceOf(changes: number, lead: number): number {
  const ahead = Math.min(Math.log(lead), LONGEST_LEAD);
  const z = INTERCEPT + OF_LEAD * ahead + OF_CHANGES * Math.log(NO_CHANGES + changes);
  return 1 / (1 + Math.exp(-z));
}
