/** The paper's measures of a set of samples (section 5 of arXiv 2503.00307) and the guardrail beside them. */
import { findCollapse, type Comparison } from "./measures/collapse.ts";
import { duplicateShare } from "./measures/duplicates.ts";
import { spreadOf, type Spread } from "./measures/spread.ts";
import { Pace } from "../foundation/pace.ts";
import { haveEntropies } from "./texts/findTokenizer.ts";
import type { Evaluation } from "./evaluation.ts";
import {
  checkEvaluation,
  progressOf,
  wantedMauve,
  type EvaluationInput,
  type EvaluationOptions,
} from "./evaluationOptions.ts";
import { checkMauveTexts, judgedMeasures, type Judged } from "./measures/judgedMeasures.ts";
import {
  firstTokens,
  knownWords,
  tokensIn,
  tokenStatistics,
  type TokenStatistics,
  type Watch,
} from "./measures/textStatistics.ts";
import { tokenSequences, type TokenSequences, type TokensFrom } from "./texts/tokenSequences.ts";

/**
 * Measures samples: alone, by a judge, beside references, as far as these are given. MAUVE is left out where it cannot be
 * computed, and `skipped` says why; where it is asked for by name (`mauve` is an object), and for the judge's perplexity, the error is
 * thrown, or goes to `onFailure`.
 * @throws OptionError, and RemdmError input_invalid for too few texts for a MAUVE that is asked for, before anything starts;
 * AbortedError; what the judge throws.
 */
export async function evaluate(
  input: EvaluationInput,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  checkEvaluation(input, options);
  const mauve = wantedMauve(input, options);
  const pace = new Pace(options.signal);
  pace.checkAborted();
  const { texts, references } = input;
  if (mauve?.isNamed && options.judge && references && options.onFailure === undefined) {
    checkMauveTexts(options.judge, texts, references);
  }
  const known = await textMeasures(input, options, pace);
  const duplicates = duplicateShare(texts);
  const judged =
    options.judge && (await judgedMeasures(options.judge, input, options, mauve, pace));
  const { samples, beside } = known;
  const reference = beside?.references;
  const { unknownPieces } = known;
  return {
    samples: texts.length,
    tokensFrom: known.tokensFrom,
    length: samples.length,
    entropy: known.otherEntropy ?? samples.entropy,
    ...(known.otherEntropy && { entropyIsOther: true }),
    ...(judged?.samples && { genPpl: judged.samples }),
    ...(judged?.mauve && { mauve: judged.mauve }),
    ...(judged && judged.skipped.length > 0 && { skipped: judged.skipped }),
    distinct1: samples.distinct1,
    distinct2: samples.distinct2,
    repetition: samples.repetition.mean,
    duplicates,
    ...(isNumber(known.words) && { knownWords: known.words }),
    ...(unknownPieces.samples > 0 && { unknownPieces: unknownPieces.samples }),
    ...(references && {
      references: {
        count: references.length,
        ...(reference && {
          length: reference.length,
          ...(known.otherEntropy === undefined && { entropy: reference.entropy }),
          distinct1: reference.distinct1,
          distinct2: reference.distinct2,
          repetition: reference.repetition.mean,
        }),
        ...(judged?.references && { genPpl: judged.references }),
        ...(isNumber(known.referenceWords) && { knownWords: known.referenceWords }),
        ...(unknownPieces.references > 0 && { unknownPieces: unknownPieces.references }),
      },
    }),
    collapse: findCollapse({ ...samples, duplicates }, compare(known, judged)),
  };
}

interface TextMeasures {
  readonly tokensFrom: TokensFrom;
  readonly samples: TokenStatistics;
  readonly beside?: Beside;
  /** Of the samples' own tokens where those here are others: it is for the report, and compares with nothing here. */
  readonly otherEntropy?: Spread;
  readonly unknownPieces: TokenSequences["unknownPieces"];
  readonly words: number | undefined;
  readonly referenceWords: number | undefined;
}

async function textMeasures(
  input: EvaluationInput,
  options: EvaluationOptions,
  pace: Pace,
): Promise<TextMeasures> {
  const { vocabulary, entropies } = options;
  const watch = (stage: string): Watch => ({ pace, onProgress: progressOf(options, stage) });
  const sequences = await tokenSequences(input, options, watch);
  const { tokensFrom } = sequences;
  const own = await tokenStatistics(sequences.samples, watch("statistics of the samples"));
  const given = entropies && spreadOf(entropies);
  const isOwn =
    tokensFrom === "samples" ||
    (tokensFrom === "tokenizer" && entropies && haveEntropies(sequences.samples, entropies));
  const samples = given && isOwn ? { ...own, entropy: given } : own;
  const beside =
    sequences.references &&
    (await besideOf(sequences.samples, samples, sequences.references, watch));
  const known = (texts: readonly string[] | undefined, stage: string) =>
    vocabulary && texts && knownWords(texts, vocabulary, watch(stage));
  return {
    tokensFrom,
    samples,
    unknownPieces: sequences.unknownPieces,
    ...(beside && { beside }),
    ...(given && !isOwn && { otherEntropy: given }),
    words: await known(input.texts, "words of the samples"),
    referenceWords: await known(input.references, "words of the references"),
  };
}

/** References, and the samples as they compare with them. */
interface Beside {
  /** Its distinct shares are those of as many tokens as the samples have, where there are as many. */
  readonly references: TokenStatistics;
  readonly distinct2: Comparison["distinct2"];
}

async function besideOf(
  samples: readonly ArrayLike<number>[],
  { length, distinct2 }: TokenStatistics,
  references: readonly ArrayLike<number>[],
  watch: (stage: string) => Watch,
): Promise<Beside> {
  const cut = references.map((tokens) => firstTokens(tokens, Math.round(length)));
  const [ours, theirs] = [tokensIn(samples), tokensIn(cut)];
  const budget = Math.min(ours, theirs);
  const statistics = await tokenStatistics(cut, watch("statistics of the references"), budget);
  const part =
    budget === ours
      ? distinct2
      : (await tokenStatistics(samples, watch("a part of the samples"), budget)).distinct2;
  return { references: statistics, distinct2: { samples: part, references: statistics.distinct2 } };
}

function compare(known: TextMeasures, judged: Judged | undefined): Comparison | undefined {
  if (known.beside === undefined) return undefined;
  const [ours, theirs] = [judged?.samples, judged?.references];
  const perplexity = ours && theirs && { samples: ours.value, references: theirs.value };
  return { ...known.beside, ...(perplexity && { perplexity }) };
}

/** No text has a share of known words that has no word. */
function isNumber(value: number | undefined): value is number {
  return value !== undefined && !Number.isNaN(value);
}
