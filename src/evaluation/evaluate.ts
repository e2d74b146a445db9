/** The paper's measures of a set of samples (section 5 of arXiv 2503.00307) and the guardrail beside them. */
import { findCollapse, type Comparison } from "../metrics/collapse.ts";
import { duplicateShare } from "../metrics/duplicates.ts";
import { perplexityOf } from "../metrics/perplexity.ts";
import { spreadOf, type Spread } from "../metrics/spread.ts";
import { RemdmError } from "../sampler/errors.ts";
import { Pace } from "../sampler/pace.ts";
import { haveEntropies } from "./findTokenizer.ts";
import type { Evaluation, GenerativePerplexity, Mauve } from "./evaluation.ts";
import {
  checkEvaluation,
  resolveMauve,
  type EvaluationInput,
  type EvaluationOptions,
} from "./evaluationOptions.ts";
import type { ResolvedMauve } from "./mauveSettings.ts";
import type { JudgeCallOptions, TextJudge } from "./textJudge.ts";
import {
  firstTokens,
  knownWords,
  tokensIn,
  tokenStatistics,
  type TokenStatistics,
  type Watch,
} from "./textStatistics.ts";
import { tokenSequences, type TokenSequences, type TokensFrom } from "./tokenSequences.ts";

/**
 * Measures samples: alone, by a judge, beside references, as far as these are given.
 * @throws OptionError before anything starts; AbortedError; whatever the judge throws, but for what `onMauveFailure` takes.
 */
export async function evaluate(
  input: EvaluationInput,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  checkEvaluation(input, options);
  const mauve = resolveMauve(options.mauve);
  const pace = new Pace(options.signal);
  pace.checkAborted();
  const { texts, references } = input;
  const known = await textMeasures(input, options, pace);
  const duplicates = duplicateShare(texts);
  const judged = options.judge && (await judge(options.judge, input, options, mauve, pace));
  const { samples, beside } = known;
  const reference = beside?.references;
  const { unknownPieces } = known;
  return {
    samples: texts.length,
    tokensFrom: known.tokensFrom,
    length: samples.length,
    entropy: known.otherEntropy ?? samples.entropy,
    ...(known.otherEntropy && { entropyIsOther: true }),
    ...(judged && { genPpl: judged.samples }),
    ...(judged?.mauve && { mauve: judged.mauve }),
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

interface Judged {
  readonly samples: GenerativePerplexity;
  readonly references?: GenerativePerplexity;
  readonly mauve?: Mauve;
}

async function judge(
  by: TextJudge,
  { texts, references }: EvaluationInput,
  options: EvaluationOptions,
  mauve: ResolvedMauve | undefined,
  pace: Pace,
): Promise<Judged> {
  const call = (stage: string): JudgeCallOptions => {
    pace.checkAborted();
    const onProgress = progressOf(options, stage);
    return { onProgress, ...(options.signal && { signal: options.signal }) };
  };
  const perplexity = async (of: readonly string[], stage: string) => ({
    ...perplexityOf(await by.likelihoods(of, call(stage))),
    judge: by.name,
  });
  const samples = await perplexity(texts, "perplexity of the samples");
  if (references === undefined) return { samples };
  const judged = {
    samples,
    references: await perplexity(references, "perplexity of the references"),
  };
  if (mauve === undefined) return judged;
  try {
    return { ...judged, mauve: await mauveOf(by, texts, references, mauve, call) };
  } catch (error) {
    const { onMauveFailure, signal } = options;
    const isFailure = RemdmError.isInstance(error) && error.code !== "aborted" && !signal?.aborted;
    if (!isFailure || onMauveFailure === undefined) throw error;
    onMauveFailure(error);
    return judged;
  }
}

async function mauveOf(
  by: TextJudge,
  texts: readonly string[],
  references: readonly string[],
  settings: ResolvedMauve,
  call: (stage: string) => JudgeCallOptions,
): Promise<Mauve> {
  const p = await by.features(references, call("features of the references"));
  const q = await by.features(texts, call("features of the samples"));
  const scores = await by.mauve(p, q, { ...settings, ...call("MAUVE") });
  const { mean, standardDeviation } = spreadOf(scores);
  const { seeds, scale } = settings;
  const of = { references: references.length, judge: by.name };
  return { mean, standardDeviation, scores, ...of, seeds, scale };
}

function compare(known: TextMeasures, judged: Judged | undefined): Comparison | undefined {
  if (known.beside === undefined) return undefined;
  const perplexity = judged?.references && {
    samples: judged.samples.value,
    references: judged.references.value,
  };
  return { ...known.beside, ...(perplexity && { perplexity }) };
}

function progressOf({ onProgress }: EvaluationOptions, stage: string) {
  return (done: number, total: number): void => onProgress?.(stage, done, total);
}

/** No text has a share of known words that has no word. */
function isNumber(value: number | undefined): value is number {
  return value !== undefined && !Number.isNaN(value);
}
