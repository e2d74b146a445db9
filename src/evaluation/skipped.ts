/** Measures that could not be computed: each is left out by itself, and the evaluation says why. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";
import { JUDGE_MEASURES, type JudgedMeasure } from "./measures/table.ts";

export type { JudgedMeasure };

/** Says why a measure is missing in an evaluation, in the words of the error that it met. */
export interface SkippedMeasure {
  readonly measure: JudgedMeasure;
  readonly code: RemdmErrorCode;
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** Makes the entry for a measure that met this error. */
export function skipped(
  measure: JudgedMeasure,
  { code, message, remedy }: RemdmError,
): SkippedMeasure {
  return { measure, code, message, remedy };
}

/** Whether an error speaks against a measure, and is neither an abort nor a bug. */
export function isFailure(error: unknown, signal: AbortSignal | undefined): error is RemdmError {
  return RemdmError.isInstance(error) && error.code !== "aborted" && !signal?.aborted;
}

/**
 * Writes one note for all measures with the same error, `MAUVE was left out: ...`, and the remedy.
 */
export function skipNotes(
  all: readonly SkippedMeasure[],
): { readonly message: string; readonly note: string; readonly remedy: string }[] {
  const messages = [...new Set(all.map(({ message }) => message))];
  return messages.map((message) => {
    const same = all.filter((one) => one.message === message);
    const names = [...new Set(same.map(({ measure }) => JUDGE_MEASURES[measure].name))];
    const were = names.length === 1 ? "was" : "were";
    const why = message.replace(/\s+/g, " ").replace(/\.$/, "");
    const { remedy } = same[0];
    return { message, remedy, note: `${names.join(" and ")} ${were} left out: ${why}.` };
  });
}
