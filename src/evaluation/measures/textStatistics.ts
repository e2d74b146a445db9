/** All that is known of a set of texts without a language model. */
import { DistinctNgrams } from "./diversity.ts";
import { isDegenerate } from "./collapse.ts";
import { tokenEntropy } from "./entropy.ts";
import { repetitionOf } from "./repetition.ts";
import { spreadOf, type Spread } from "./spread.ts";
import { KnownWords } from "./words.ts";
import type { Pace } from "../../foundation/pace.ts";

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

/** @param budget distinct shares are counted over so many tokens from the first on. */
export async function tokenStatistics(
  sequences: readonly ArrayLike<number>[],
  { pace, onProgress }: Watch,
  budget = Number.POSITIVE_INFINITY,
): Promise<TokenStatistics> {
  const [distinct1, distinct2] = [new DistinctNgrams(1), new DistinctNgrams(2)];
  const each: { entropy: number; repetition: number }[] = [];
  let [tokens, degenerate] = [0, 0];
  for (const [i, sequence] of sequences.entries()) {
    const entropy = tokenEntropy(sequence);
    const repetition = repetitionOf(sequence);
    each.push({ entropy, repetition });
    const counted = firstTokens(sequence, budget - tokens);
    distinct1.add(counted);
    distinct2.add(counted);
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

/** @returns at most `count` tokens of a sequence; none where that is negative. */
export function firstTokens(tokens: ArrayLike<number>, count: number): ArrayLike<number> {
  return tokens.length <= count ? tokens : Array.from(tokens).slice(0, Math.max(0, count));
}

export function tokensIn(sequences: readonly ArrayLike<number>[]): number {
  return sequences.reduce((sum, { length }) => sum + length, 0);
}
