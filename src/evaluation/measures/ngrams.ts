/** Turns the runs of n tokens of a sequence into keys of a set. */

/**
 * A pair whose second token is below this becomes a number, which a set finds faster than a text;
 * 2^31 times this is still exact.
 */
const SMALL = 2 ** 21;

/**
 * Yields one key for each of the L - n + 1 runs of `n` tokens, in order; nothing for a shorter
 * sequence.
 */
export function* ngramsOf(tokens: ArrayLike<number>, n: number): Generator<number | string> {
  for (let start = 0; start + n <= tokens.length; start++) {
    if (n === 1) yield tokens[start];
    else if (n === 2 && tokens[start + 1] < SMALL) yield tokens[start] * SMALL + tokens[start + 1];
    else yield textOf(tokens, start, start + n);
  }
}

function textOf(tokens: ArrayLike<number>, start: number, end: number): string {
  let key = String(tokens[start]);
  for (let i = start + 1; i < end; i++) key += ` ${tokens[i]}`;
  return key;
}
