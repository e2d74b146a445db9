/** Counts all token measures of the table in one pass over a set of token sequences. */
import { isDegenerate } from "./collapse.ts";
import type { Watch } from "./measure.ts";
import type { Spread } from "./spread.ts";
import { TOKEN_MEASURES, type TokenValues } from "./table.ts";

export interface TokenStatistics {
  /** How many sequences there are. */
  readonly count: number;
  /** Mean number of tokens. */
  readonly length: number;
  /** Nats, of each sequence's histogram. */
  readonly entropy: Spread;
  /** Share of a sequence's 4-grams that occurred earlier in it. */
  readonly repetition: Spread;
  /** How many sequences are degenerate by themselves. */
  readonly degenerate: number;
  /** What the table's measures report. */
  readonly values: TokenValues;
}

/** A token costs so many visits of Pace: it is part of several n-grams. */
const WORK_PER_TOKEN = 16;

/**
 * @param budget how many tokens, from the first on, the measures count that fall as a set grows.
 */
export async function tokenStatistics(
  sequences: readonly ArrayLike<number>[],
  { pace, onProgress }: Watch,
  budget = Number.POSITIVE_INFINITY,
): Promise<TokenStatistics> {
  const counts = mapped(TOKEN_MEASURES, (begin) => begin()) as TokenCounts;
  let tokens = 0;
  for (const [i, sequence] of sequences.entries()) {
    const budgeted = firstTokens(sequence, budget - tokens);
    for (const count of Object.values(counts)) count.add(sequence, budgeted);
    tokens += sequence.length;
    if (pace.spend(WORK_PER_TOKEN * sequence.length)) await pace.rest();
    onProgress(i + 1, sequences.length);
  }
  const { entropy, repetition } = counts;
  const degenerate = sequences.filter(({ length }, i) =>
    isDegenerate(length, entropy.numbers[i], repetition.numbers[i]),
  );
  return {
    count: sequences.length,
    length: tokens / sequences.length,
    entropy: entropy.spread,
    repetition: repetition.spread,
    degenerate: degenerate.length,
    values: mapped(counts, ({ value }) => value) as TokenValues,
  };
}

type TokenCounts = {
  readonly [Key in keyof typeof TOKEN_MEASURES]: ReturnType<(typeof TOKEN_MEASURES)[Key]>;
};

/**
 * Gives each key another value. Callers say the type of each, which `Object.entries` has forgotten.
 */
function mapped<Value, Result>(
  table: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Record<string, Result> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, change(value)]));
}

/** Returns at most `count` tokens of a sequence, and none where that is negative. */
export function firstTokens(tokens: ArrayLike<number>, count: number): ArrayLike<number> {
  return tokens.length <= count ? tokens : Array.from(tokens).slice(0, Math.max(0, count));
}

export function tokensIn(sequences: readonly ArrayLike<number>[]): number {
  return sequences.reduce((sum, { length }) => sum + length, 0);
}
