/**
 * This guardrail says when a low perplexity was bought with diversity. A judge finds repetitive
 * text easy, so perplexity can be driven down by collapsing: in the appendix of the paper (arXiv
 * 2503.00307) remdm-cap with eta 0.2 reaches a generative perplexity of 3.1, where real text has
 * 14.8, at a MAUVE of 0.02. So perplexity is never read without entropy beside it, nor at all where
 * one of these holds.
 *
 * Without references:
 * - More than 5% of the samples are degenerate, each by itself. The histogram of its tokens has an
 *   entropy below log(L)/2, the entropy of sqrt(L) equally frequent tokens (3.5 nats at L = 1024,
 *   where real text has 5.4 and the worst sampler of the paper 4.9), or more than half of its runs
 *   of four tokens occurred before. Samples of fewer than 32 tokens say too little and are never
 *   degenerate. Tokens are subwords or words; an alphabet of single characters has so little
 *   entropy by itself.
 * - The samples' mean repetition is above 0.2. Human text has some hundredths; greedy decoding,
 *   which loops, has 0.44 (Welleck et al. 2020).
 * - More than 5% of the samples equal an earlier one. Independent draws of a paragraph never do.
 *
 * Beside references of about the same length (10%), where the difference of means is more than
 * three standard errors:
 * - Entropy is more than 10% lower. No row of the paper's table is that low; its lowest, 9% lower,
 *   has a MAUVE of 0.2.
 * - Perplexity is lower than the references' while entropy is more than 5% lower: the text is
 *   easier than real text because it is poorer. In the paper's table this holds for the two rows
 *   (remdm-cap and remdm-rescale at 4,096 steps) in which more steps lower perplexity and MAUVE
 *   alike. It does not hold for AR, which is easier than the data at 4% less entropy and a MAUVE of
 *   0.76.
 * - Repetition is more than 0.1 higher.
 *
 * Beside references of any length:
 * - Counted over as many tokens of both, the samples have at most half as many distinct pairs of
 *   tokens as the references. Samples that resemble each other look so.
 */
import type { Spread } from "./spread.ts";

export interface Collapse {
  readonly collapsed: boolean;
  /** One sentence for each sign, with the numbers. */
  readonly reasons: readonly string[];
}

/** The measures of samples, or of references, that the guardrail looks at. */
export interface Measures {
  /** How many texts there are. */
  readonly count: number;
  /** Mean number of tokens. */
  readonly length: number;
  /** Entropy in nats, over texts. */
  readonly entropy: Spread;
  /** Share of 4-grams that occurred earlier in the same text, over texts. */
  readonly repetition: Spread;
}

export interface SampleMeasures extends Measures {
  /** How many samples are degenerate, see {@link isDegenerate}. */
  readonly degenerate: number;
  /** Share of samples that equal an earlier one. */
  readonly duplicates: number;
}

/** How samples and references compare. */
export interface Comparison {
  readonly references: Measures;
  /** Distinct pairs of tokens over all pairs, counted over as many tokens of both. */
  readonly distinct2: { readonly samples: number; readonly references: number };
  /** Present where both have been judged. */
  readonly perplexity?: { readonly samples: number; readonly references: number };
}

const SHORTEST = 32;
const MOST_DEGENERATE = 0.05;
const MOST_REPETITION = 0.2;
const MOST_DUPLICATES = 0.05;
const STANDARD_ERRORS = 3;
const LENGTH_TOLERANCE = 0.1;
const ENTROPY_LOSS = 0.1;
const ENTROPY_LOSS_WITH_PERPLEXITY = 0.05;
const REPETITION_GAIN = 0.1;
const DISTINCT_LOSS = 0.5;

/**
 * Whether one sample alone is too poor to be text; false for fewer than 32 tokens.
 * @param length how many tokens it has.
 * @param entropy entropy of their histogram, in nats.
 * @param repetition share of its 4-grams that occurred earlier in it, in [0, 1].
 */
export function isDegenerate(length: number, entropy: number, repetition: number): boolean {
  return length >= SHORTEST && (entropy < Math.log(length) / 2 || repetition > 0.5);
}

/**
 * Whether entropy and repetition compare between texts of these lengths, in tokens. Both grow with
 * the length, so the lengths may differ by 10%.
 */
export function areAsLong(samples: number, references: number): boolean {
  return Math.abs(samples / references - 1) <= LENGTH_TOLERANCE;
}

/** Looks for every sign of a collapse that the given measures can show. */
export function findCollapse(samples: SampleMeasures, comparison?: Comparison): Collapse {
  const reasons = [...alone(samples), ...(comparison ? beside(samples, comparison) : [])];
  return { collapsed: reasons.length > 0, reasons };
}

function* alone(samples: SampleMeasures): Generator<string> {
  const { count, degenerate, repetition, duplicates } = samples;
  if (degenerate > MOST_DEGENERATE * count) {
    yield `${degenerate} of ${count} samples are degenerate: an entropy below half of log(length), or more than half of their 4-grams repeated (at most ${percent(MOST_DEGENERATE)} may be).`;
  }
  if (repetition.mean > MOST_REPETITION) {
    yield `${percent(repetition.mean)} of a sample's 4-grams occurred earlier in it, in the mean (at most ${percent(MOST_REPETITION)} may).`;
  }
  if (duplicates > MOST_DUPLICATES) {
    yield `${percent(duplicates)} of the samples equal an earlier one (at most ${percent(MOST_DUPLICATES)} may).`;
  }
}

function* beside(samples: SampleMeasures, comparison: Comparison): Generator<string> {
  const { references, distinct2, perplexity } = comparison;
  if (areAsLong(samples.length, references.length)) {
    yield* besideAsLong(samples, references, perplexity);
  }
  if (distinct2.samples <= DISTINCT_LOSS * distinct2.references) {
    yield `Of as many pairs of tokens ${percent(distinct2.samples)} are distinct, in the references ${percent(distinct2.references)} (more than half of that is expected).`;
  }
}

function* besideAsLong(
  samples: Measures,
  references: Measures,
  perplexity: Comparison["perplexity"],
): Generator<string> {
  const loss = 1 - samples.entropy.mean / references.entropy.mean;
  const isLower = isBeyondChance(samples.entropy, references.entropy);
  const nats = `${samples.entropy.mean.toFixed(2)} nats, the references' ${references.entropy.mean.toFixed(2)}`;
  if (isLower && loss > ENTROPY_LOSS) {
    yield `Entropy is ${nats}: ${percent(loss)} lower (at most ${percent(ENTROPY_LOSS)} may be).`;
  }
  if (
    perplexity !== undefined &&
    perplexity.samples < perplexity.references &&
    isLower &&
    loss > ENTROPY_LOSS_WITH_PERPLEXITY
  ) {
    yield `Perplexity, ${perplexity.samples.toFixed(1)}, is below that of the references, ${perplexity.references.toFixed(1)}, while entropy is ${nats}: it was bought with diversity.`;
  }
  const gain = samples.repetition.mean - references.repetition.mean;
  if (isBeyondChance(samples.repetition, references.repetition) && gain > REPETITION_GAIN) {
    yield `${percent(samples.repetition.mean)} of a sample's 4-grams occurred earlier in it, of a reference's ${percent(references.repetition.mean)}.`;
  }
}

/**
 * Whether two means differ by more than three standard errors; false for fewer than two values on a
 * side, whose error is not known.
 */
function isBeyondChance(one: Spread, other: Spread): boolean {
  const error = Math.hypot(one.standardError, other.standardError);
  return Math.abs(one.mean - other.mean) > STANDARD_ERRORS * error;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)}%`;
}
