/**
 * Repetition says how much a sequence repeats itself: seq-rep-n (Welleck et al. 2020, "Neural Text
 * Generation with Unlikelihood Training", section 6).
 */
import { ngramsOf } from "./ngrams.ts";

/**
 * Computes the share of the runs of `n` tokens that occurred earlier in the same sequence: 1 -
 * distinct runs / runs.
 * @param n at least 1. The default is 4, as in the paper, where human text has below 0.01 and
 * greedy decoding 0.44.
 * @returns a share in [0, 1); 0 where no run occurs twice, or the sequence has fewer than `n`
 * tokens.
 */
export function repetitionOf(tokens: ArrayLike<number>, n = 4): number {
  const runs = Math.max(0, tokens.length - n + 1);
  return runs === 0 ? 0 : (runs - new Set(ngramsOf(tokens, n)).size) / runs;
}
