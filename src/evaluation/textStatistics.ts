/** All that is known of a set of texts without a language model. */
import { DistinctNgrams } from "../metrics/diversity.ts";
import { isDegenerate } from "../metrics/collapse.ts";
import { tokenEntropy } from "../metrics/entropy.ts";
import { repetitionOf } from "../metrics/repetition.ts";
import { spreadOf, type Spread } from "../metrics/spread.ts";
import { KnownWords } from "../metrics/words.ts";
import type { Pace } from "../sampler/pace.ts";

export interface TokenStatistics {
  readonly count: number;
  /** Mean number of tokens. */
  readonly length: number;
  /** Nats, of each sequence's histogram. */
  readonly entropy: Spread;
  readonly distinct1: number;
  readonly distinct2: number;
  /** Share of a sequence's 4-grams that occurred earlier in it. */
  readonly repetition: Spread;
  /** How many sequences are degenerate by themselves. */
  readonly degenerate: number;
}

export interface Watch {
  readonly pace: Pace;
  readonly onProgress: (done: number, total: number) => void;
}

/** A token costs so many visits of {@link Pace}: it is part of several n-grams. */
const WORK_PER_TOKEN = 16;

/** @param entropies those of the sequences, where they are not to be computed. */
export async function tokenStatistics(
  sequences: readonly ArrayLike<number>[],
  { pace, onProgress }: Watch,
  entropies?: readonly number[],
): Promise<TokenStatistics> {
  const [distinct1, distinct2] = [new DistinctNgrams(1), new DistinctNgrams(2)];
  const each: { entropy: number; repetition: number }[] = [];
  let [tokens, degenerate] = [0, 0];
  for (const [i, sequence] of sequences.entries()) {
    const entropy = entropies?.[i] ?? tokenEntropy(sequence);
    const repetition = repetitionOf(sequence);
    each.push({ entropy, repetition });
    distinct1.add(sequence);
    distinct2.add(sequence);
    tokens += sequence.length;
    if (isDegenerate(sequence.length, entropy, repetition)) degenerate++;
    if (pace.spend(WORK_PER_TOKEN * sequence.length)) await pace.rest();
    onProgress(i + 1, sequences.length);
  }
  return {
    count: sequences.length,
    length: tokens / sequences.length,
    entropy: spreadOf(each.map(({ entropy }) => entropy)),
    distinct1: distinct1.share,
    distinct2: distinct2.share,
    repetition: spreadOf(each.map(({ repetition }) => repetition)),
    degenerate,
  };
}

/** @returns NaN when there is no word. */
export async function knownWords(
  texts: readonly string[],
  vocabulary: ReadonlySet<string>,
  { pace, onProgress }: Watch,
): Promise<number> {
  const words = new KnownWords(vocabulary);
  for (const [i, text] of texts.entries()) {
    words.add(text);
    if (pace.spend(WORK_PER_TOKEN * text.length)) await pace.rest();
    onProgress(i + 1, texts.length);
  }
  return words.share;
}

/** @returns the first tokens of a set, `budget` of them in all; the last sequence may be cut. */
export function firstTokens(
  sequences: readonly ArrayLike<number>[],
  budget: number,
): ArrayLike<number>[] {
  const taken: ArrayLike<number>[] = [];
  let left = budget;
  for (const sequence of sequences) {
    if (left <= 0) break;
    taken.push(sequence.length <= left ? sequence : Array.from(sequence).slice(0, left));
    left -= sequence.length;
  }
  return taken;
}
