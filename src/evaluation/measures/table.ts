/**
 * The table of measures: `evaluate` computes and reports what it lists, under the keys that it has
 * here.
 *
 * To add a measure, write it into a file of this folder and give it a line below, in the group of
 * what it needs. The line's key is its key in {@link Evaluation}, and the comment on the line
 * documents it; a measure of references appears there by itself. A measure that lacks what it needs
 * is left out. One that compares the samples with the references, as MAUVE does, reads them in its
 * `plan`.
 */
import { duplicates, distinct } from "./diversity.ts";
import { tokenEntropy } from "./entropy.ts";
import { mauve } from "./mauve.ts";
import {
  SequenceCount,
  type JudgeMeasure,
  type TextMeasure,
  type TokenMeasure,
} from "./measure.ts";
import { genPpl } from "./perplexity.ts";
import { repetitionOf } from "./repetition.ts";
import { knownWords } from "./words.ts";

/** Measures of token sequences; every sample has tokens, or words that stand for them. */
export const TOKEN_MEASURES = {
  /** Entropy of the histogram of each sample's own tokens, in nats. */
  entropy: () => new SequenceCount(tokenEntropy, (spread) => spread),
  /** Distinct tokens over all tokens of all samples. */
  distinct1: distinct(1),
  /** Distinct pairs of neighbouring tokens over all pairs. */
  distinct2: distinct(2),
  /** Share of a sample's 4-grams that occurred earlier in it, mean over samples. */
  repetition: () => new SequenceCount(repetitionOf, ({ mean }) => mean),
} satisfies Readonly<Record<string, TokenMeasure<unknown>>>;

/** Measures of texts as they are written. */
export const TEXT_MEASURES = {
  /** Share of samples whose text equals an earlier one's. */
  duplicates,
  /**
   * Share of the words of three letters and more that the vocabulary has; absent without a word.
   */
  knownWords,
} satisfies Readonly<Record<string, TextMeasure<number | undefined>>>;

/** Measures that need a judge. */
export const JUDGE_MEASURES = {
  /** Generative perplexity: how easy the texts are for the judge. */
  genPpl,
  /** How much the samples are like the references, which it needs. */
  mauve,
} satisfies Readonly<Record<string, JudgeMeasure<unknown>>>;

/** The keys in an evaluation of what needs more than the texts. */
export type JudgedMeasure = keyof typeof JUDGE_MEASURES;

/** What the measures of token sequences report. */
export type TokenValues = {
  readonly [Key in keyof typeof TOKEN_MEASURES]: ReturnType<(typeof TOKEN_MEASURES)[Key]>["value"];
};

/** What the measures of texts report; a measure that may lack a number is optional. */
export type TextValues = {
  readonly [
    Key in keyof TextTable as undefined extends TextValue<Key> ? never : Key
  ]: TextValue<Key>;
} & {
  readonly [Key in keyof TextTable as undefined extends TextValue<Key> ? Key : never]?: NonNullable<
    TextValue<Key>
  >;
};
type TextTable = typeof TEXT_MEASURES;
type TextValue<Key extends keyof TextTable> = Awaited<ReturnType<TextTable[Key]["measure"]>>;

/** What the judge's measures report; each is optional, because it may fail. */
export type JudgedValues = {
  readonly [Key in JudgedMeasure]?: (typeof JUDGE_MEASURES)[Key] extends JudgeMeasure<infer Value>
    ? Value
    : never;
};
