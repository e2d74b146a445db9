/**
 * Measures a set of samples as the paper does (section 5 of arXiv 2503.00307), with all measures of
 * `measures/table.ts`, and says whether the samples have collapsed.
 */
import { Pace } from "../foundation/pace.ts";
import type { Evaluation } from "./evaluation.ts";
import {
  checkEvaluation,
  progressOf,
  wantedMauve,
  type EvaluationInput,
  type EvaluationOptions,
} from "./evaluationOptions.ts";
import { findCollapse, type Comparison } from "./measures/collapse.ts";
import { judgedMeasures, type Judged } from "./measures/judgedMeasures.ts";
import { checkMauveTexts } from "./measures/mauve.ts";
import type { Watch } from "./measures/measure.ts";
import { spreadOf, type Spread } from "./measures/spread.ts";
import { TEXT_MEASURES, type TextValues } from "./measures/table.ts";
import {
  firstTokens,
  tokensIn,
  tokenStatistics,
  type TokenStatistics,
} from "./measures/tokenStatistics.ts";
import { haveEntropies } from "./texts/findTokenizer.ts";
import { tokenSequences, type TokenSequences } from "./texts/tokenSequences.ts";

type WatchStage = (stage: string) => Watch;

/**
 * Measures samples alone, by a judge, and beside references, as far as these are given. MAUVE is
 * left out where it cannot be computed, and `skipped` says why. Where it is asked for by name
 * (`mauve` is an object), and for the judge's perplexity, the error is thrown, or goes to
 * `onFailure`.
 * @throws OptionError, and RemdmError input_invalid for too few texts for a MAUVE that is asked
 * for, before anything starts; AbortedError; what the judge throws.
 */
export async function evaluate(
  input: EvaluationInput,
  options: EvaluationOptions = {},
): Promise<Evaluation> {
  checkEvaluation(input, options);
  const mauve = wantedMauve(input, options);
  const { texts, references } = input;
  const { judge, signal, onFailure } = options;
  const pace = new Pace(signal);
  pace.checkAborted();
  if (mauve?.isNamed && judge && references && onFailure === undefined) {
    checkMauveTexts(judge, texts, references);
  }
  const watch: WatchStage = (stage) => ({ pace, onProgress: progressOf(options, stage) });
  const sequences = await tokenSequences(input, options, watch);
  const { tokensFrom, unknownPieces } = sequences;
  const counted = await countTokens(sequences, options.entropies, watch);
  const written = await textValues("samples", texts, options, watch);
  const real = references && (await textValues("references", references, options, watch));
  const call = (stage: string) => {
    pace.checkAborted();
    return { onProgress: progressOf(options, stage), ...(signal && { signal }) };
  };
  const set = { what: "samples", texts, references, mauve } as const;
  const judged = judge && (await judgedMeasures(judge, set, { onFailure, signal, call }));
  const { samples, otherEntropy, beside } = counted;
  const { entropy, ...counts } = samples.values;
  const { duplicates } = written;
  return {
    samples: texts.length,
    tokensFrom,
    length: samples.length,
    entropy: otherEntropy ?? entropy,
    ...(otherEntropy && { entropyIsOther: true }),
    ...judged?.samples,
    ...(judged && judged.skipped.length > 0 && { skipped: judged.skipped }),
    ...counts,
    ...written,
    ...(unknownPieces.samples > 0 && { unknownPieces: unknownPieces.samples }),
    ...(references && {
      references: {
        count: references.length,
        ...(beside && countsBeside(beside.references, otherEntropy)),
        ...judged?.references,
        ...real,
        ...(unknownPieces.references > 0 && { unknownPieces: unknownPieces.references }),
      },
    }),
    collapse: findCollapse({ ...samples, duplicates }, compare(beside, judged)),
  };
}

interface Counted {
  readonly samples: TokenStatistics;
  /** Undefined where the references' tokens are not known. */
  readonly beside: Beside | undefined;
  /**
   * The samples' entropy as the caller knows it, where it is of other tokens than the ones here.
   */
  readonly otherEntropy: Spread | undefined;
}

async function countTokens(
  { tokensFrom, samples: tokens, references }: TokenSequences,
  entropies: readonly number[] | undefined,
  watch: WatchStage,
): Promise<Counted> {
  const counted = await tokenStatistics(tokens, watch("statistics of the samples"));
  const given = entropies && spreadOf(entropies);
  const isOwn =
    tokensFrom === "samples" ||
    (tokensFrom === "tokenizer" && entropies && haveEntropies(tokens, entropies));
  const samples = given && isOwn ? withEntropy(counted, given) : counted;
  const beside = references && (await besideOf(tokens, samples, references, watch));
  return { samples, beside, otherEntropy: isOwn ? undefined : given };
}

function withEntropy(statistics: TokenStatistics, entropy: Spread): TokenStatistics {
  return { ...statistics, entropy, values: { ...statistics.values, entropy } };
}

/** References, and the samples as they compare with them. */
interface Beside {
  /**
   * Distinct shares are counted over as many tokens as the samples have, where there are as many.
   */
  readonly references: TokenStatistics;
  readonly distinct2: Comparison["distinct2"];
}

async function besideOf(
  samples: readonly ArrayLike<number>[],
  { length, values: { distinct2 } }: TokenStatistics,
  references: readonly ArrayLike<number>[],
  watch: WatchStage,
): Promise<Beside> {
  const cut = references.map((tokens) => firstTokens(tokens, Math.round(length)));
  const [ours, theirs] = [tokensIn(samples), tokensIn(cut)];
  const budget = Math.min(ours, theirs);
  const statistics = await tokenStatistics(cut, watch("statistics of the references"), budget);
  const part =
    budget === ours
      ? distinct2
      : (await tokenStatistics(samples, watch("a part of the samples"), budget)).values.distinct2;
  return {
    references: statistics,
    distinct2: { samples: part, references: statistics.values.distinct2 },
  };
}

function countsBeside({ length, values }: TokenStatistics, otherEntropy: Spread | undefined) {
  const { entropy, ...counts } = values;
  return { length, ...(otherEntropy === undefined && { entropy }), ...counts };
}

/** Computes the table's measures of texts; a measure without a number is left out. */
async function textValues(
  what: "samples" | "references",
  texts: readonly string[],
  { vocabulary }: EvaluationOptions,
  watch: WatchStage,
): Promise<TextValues> {
  const context = { vocabulary, watch: (work: string) => watch(`${work} of the ${what}`) };
  const found: Record<string, number> = {};
  for (const [key, { ofReferences, measure }] of Object.entries(TEXT_MEASURES)) {
    if (what === "references" && !ofReferences) continue;
    const value = await measure(texts, context);
    if (value !== undefined) found[key] = value;
  }
  return found as TextValues;
}

function compare(beside: Beside | undefined, judged: Judged | undefined): Comparison | undefined {
  if (beside === undefined) return undefined;
  const [ours, theirs] = [judged?.samples.genPpl, judged?.references.genPpl];
  const perplexity = ours && theirs && { samples: ours.value, references: theirs.value };
  return { ...beside, ...(perplexity && { perplexity }) };
}
