/** Runs of n tokens, as keys of a set. */

/** Tokens below this make numbers of pairs, which a set finds faster than texts; 2^31 times this is still exact. */
const SMALL = 2 ** 21;

/** @returns one key for each of the L - n + 1 runs of `n` tokens of a sequence, in order; none for a shorter sequence. */
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
