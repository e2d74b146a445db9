/** Runs of n tokens, as keys of a set. */

/** @returns one key for each of the L - n + 1 runs of `n` tokens of a sequence, in order; none for a shorter sequence. */
export function* ngramsOf(tokens: ArrayLike<number>, n: number): Generator<string> {
  for (let start = 0; start + n <= tokens.length; start++) {
    let key = String(tokens[start]);
    for (let i = start + 1; i < start + n; i++) key += ` ${tokens[i]}`;
    yield key;
  }
}
