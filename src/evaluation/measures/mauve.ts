/**
 * MAUVE (Pillutla et al. 2021): how much a set of samples is like references, as a judge sees both.
 */
import { RemdmError } from "../../foundation/errors.ts";
import type { WantedMauve } from "../judge/mauveSettings.ts";
import type { JudgeCallOptions, TextJudge } from "../judge/textJudge.ts";
import type { JudgeMeasure } from "./measure.ts";
import { spreadOf } from "./spread.ts";

/** MAUVE as the Python package mauve-text computes it. */
export interface Mauve {
  /**
   * Mean over the seeds of k-means, in (0, 1]; 1 means that the samples are like the references.
   */
  readonly mean: number;
  /** Spread over the seeds of k-means; NaN for one seed. */
  readonly standardDeviation: number;
  /** One score for each of `seeds`. */
  readonly scores: readonly number[];
  /** How many references there were. */
  readonly references: number;
  /** The judge's name. */
  readonly judge: string;
  readonly seeds: readonly number[];
  readonly scale: number;
  /**
   * The seeds for which the histograms of samples and references are equal in every bin; absent
   * where no seed has this. mauve-text 0.4.0 then scores 1 or 0.75, depending on the CPU
   * (docs/surprises.md); `scores` holds the package's own number.
   */
  readonly tiedSeeds?: readonly number[];
}

export const mauve: JudgeMeasure<Mauve> = {
  name: "MAUVE",
  plan({ texts, references, mauve }) {
    if (references === undefined || mauve === undefined) return undefined;
    return {
      isNamed: mauve.isNamed,
      run: (judge, call) => mauveOf(judge, texts, references, mauve, call),
    };
  },
};

async function mauveOf(
  judge: TextJudge,
  texts: readonly string[],
  references: readonly string[],
  { seeds, scale }: WantedMauve,
  call: (stage: string) => JudgeCallOptions,
): Promise<Mauve> {
  checkMauveTexts(judge, texts, references);
  const p = await judge.features(references, call("features of the references"));
  const q = await judge.features(texts, call("features of the samples"));
  const tiedSeeds: number[] = [];
  const onTie = (seed: number): void => void tiedSeeds.push(seed);
  const scores = await judge.mauve(p, q, { seeds, scale, onTie, ...call("MAUVE") });
  const { mean, standardDeviation } = spreadOf(scores);
  const of = { references: references.length, judge: judge.name };
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
    remedy: `Give ${mauveLeastTexts} or more of each, and thousands for a number to rely on.`,
  });
}

/** Words the message for too few texts. */
export function tooFewForMauve(samples: number, references: number, least: number): string {
  return `MAUVE needs at least ${least} samples and as many references; there are ${samples} and ${references}`;
}
