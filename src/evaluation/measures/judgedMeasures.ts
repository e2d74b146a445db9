/** Has a judge compute the table's measures of samples, alone and beside references. */
import type { RemdmError } from "../../foundation/errors.ts";
import type { JudgeCallOptions, TextJudge } from "../judge/textJudge.ts";
import { isFailure, skipped, type SkippedMeasure } from "../skipped.ts";
import type { JudgedSet, JudgeTask } from "./measure.ts";
import { JUDGE_MEASURES, type JudgedMeasure, type JudgedValues } from "./table.ts";

export interface Judged {
  readonly samples: JudgedValues;
  readonly references: JudgedValues;
  /** The measures that could not be computed. */
  readonly skipped: readonly SkippedMeasure[];
}

export interface JudgedCalls {
  /**
   * Receives each measure that failed. Without it, the error of one that was asked for is thrown.
   */
  readonly onFailure: ((measure: JudgedMeasure, error: RemdmError) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Gives the options of a call of the judge, by its stage. */
  readonly call: (stage: string) => JudgeCallOptions;
}

/**
 * Computes what can be computed: a measure that fails leaves the others alone. References are
 * judged only where the samples could be.
 * @throws AbortedError; an error that is a bug; without `onFailure`, the error of a measure that
 * was asked for by name.
 */
export async function judgedMeasures(
  judge: TextJudge,
  samples: JudgedSet,
  { onFailure, signal, call }: JudgedCalls,
): Promise<Judged> {
  const left: SkippedMeasure[] = [];
  const attempt = async (
    measure: JudgedMeasure,
    task: JudgeTask<unknown> | undefined,
  ): Promise<unknown> => {
    try {
      return await task?.run(judge, call);
    } catch (error) {
      if (!isFailure(error, signal) || (task?.isNamed && onFailure === undefined)) throw error;
      onFailure?.(measure, error);
      left.push(skipped(measure, error));
      return undefined;
    }
  };
  const { references } = samples;
  const [ours, theirs]: Partial<Record<JudgedMeasure, unknown>>[] = [{}, {}];
  for (const key of Object.keys(JUDGE_MEASURES) as JudgedMeasure[]) {
    const { plan } = JUDGE_MEASURES[key];
    const value = await attempt(key, plan(samples));
    if (value === undefined) continue;
    ours[key] = value;
    if (references === undefined) continue;
    const real = await attempt(key, plan({ what: "references", texts: references }));
    if (real !== undefined) theirs[key] = real;
  }
  // Each key holds what the measure of this key gave.
  return { samples: ours as JudgedValues, references: theirs as JudgedValues, skipped: left };
}
