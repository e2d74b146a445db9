/** What a judge says of samples, alone and beside references. A measure that cannot be computed leaves the others. */
import { perplexityOf } from "./perplexity.ts";
import { spreadOf } from "./spread.ts";
import { RemdmError } from "../../foundation/errors.ts";
import type { Pace } from "../../foundation/pace.ts";
import type { GenerativePerplexity, Mauve } from "../evaluation.ts";
import { progressOf, type EvaluationInput, type EvaluationOptions } from "../evaluationOptions.ts";
import type { WantedMauve } from "../judge/mauveSettings.ts";
import { isFailure, skipped, type JudgedMeasure, type SkippedMeasure } from "../skipped.ts";
import type { JudgeCallOptions, TextJudge } from "../judge/textJudge.ts";

export interface Judged {
  readonly samples?: GenerativePerplexity;
  readonly references?: GenerativePerplexity;
  readonly mauve?: Mauve;
  readonly skipped: readonly SkippedMeasure[];
}

/**
 * @param mauve undefined: it is not wanted.
 * @throws AbortedError, what is a bug, and without `onFailure` what keeps away a measure that was asked for by name.
 */
export async function judgedMeasures(
  by: TextJudge,
  { texts, references }: EvaluationInput,
  options: EvaluationOptions,
  mauve: WantedMauve | undefined,
  pace: Pace,
): Promise<Judged> {
  const { signal, onFailure } = options;
  const left: SkippedMeasure[] = [];
  const attempt = async <T>(
    measure: JudgedMeasure,
    isNamed: boolean,
    compute: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await compute();
    } catch (error) {
      if (!isFailure(error, signal) || (isNamed && onFailure === undefined)) throw error;
      onFailure?.(measure, error);
      left.push(skipped(measure, error));
      return undefined;
    }
  };
  const call = (stage: string): JudgeCallOptions => {
    pace.checkAborted();
    const onProgress = progressOf(options, stage);
    return { onProgress, ...(signal && { signal }) };
  };
  // A judge is given to judge: perplexity is asked for by name.
  const perplexity = (of: readonly string[], what: string) =>
    attempt("genPpl", true, async () => {
      const likelihoods = await by.likelihoods(of, call(`perplexity of the ${what}`));
      return { ...perplexityOf(likelihoods), judge: by.name };
    });
  const samples = await perplexity(texts, "samples");
  const real = references && samples && (await perplexity(references, "references"));
  const score =
    references &&
    mauve &&
    (await attempt("mauve", mauve.isNamed, () => mauveOf(by, texts, references, mauve, call)));
  return {
    ...(samples && { samples }),
    ...(real && { references: real }),
    ...(score && { mauve: score }),
    skipped: left,
  };
}

async function mauveOf(
  by: TextJudge,
  texts: readonly string[],
  references: readonly string[],
  { seeds, scale }: WantedMauve,
  call: (stage: string) => JudgeCallOptions,
): Promise<Mauve> {
  checkMauveTexts(by, texts, references);
  const p = await by.features(references, call("features of the references"));
  const q = await by.features(texts, call("features of the samples"));
  const tiedSeeds: number[] = [];
  const onTie = (seed: number): void => void tiedSeeds.push(seed);
  const scores = await by.mauve(p, q, { seeds, scale, onTie, ...call("MAUVE") });
  const { mean, standardDeviation } = spreadOf(scores);
  const of = { references: references.length, judge: by.name };
  const ties = tiedSeeds.length > 0 ? { tiedSeeds } : {};
  return { mean, standardDeviation, scores, ...of, seeds, scale, ...ties };
}

/** @throws RemdmError input_invalid for fewer texts than the judge's MAUVE needs. */
export function checkMauveTexts(
  { mauveLeastTexts = 1 }: TextJudge,
  texts: readonly string[],
  references: readonly string[],
): void {
  const [ours, theirs] = [texts.length, references.length];
  if (Math.min(ours, theirs) >= mauveLeastTexts) return;
  throw new RemdmError(tooFewForMauve(ours, theirs, mauveLeastTexts), {
    code: "input_invalid",
    remedy: `Give ${mauveLeastTexts} or more of each, and hundreds for a number to rely on.`,
  });
}

export function tooFewForMauve(samples: number, references: number, least: number): string {
  return `MAUVE needs at least ${least} samples and as many references; there are ${samples} and ${references}`;
}
