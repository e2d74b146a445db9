/** How much a sequence repeats itself: seq-rep-n (Welleck et al. 2020, "Neural Text Generation with Unlikelihood Training", section 6). */
import { ngramsOf } from "./ngrams.ts";

/**
 * Share of the runs of `n` tokens that occurred earlier in the same sequence: 1 - distinct runs / runs.
 * @param n at least 1; 4 as in the paper, where human text has below 0.01 and greedy decoding 0.44.
 * @returns from 0 (no run twice) to below 1; 0 for a sequence of fewer than `n` tokens.
 */
export function repetitionOf(tokens: ArrayLike<number>, n = 4): number {
  const runs = Math.max(0, tokens.length - n + 1);
  return runs === 0 ? 0 : (runs - new Set(ngramsOf(tokens, n)).size) / runs;
}
