/** Errors about an experiment itself; whatever fails while it works keeps its own error. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

type ExperimentErrorCode = Extract<RemdmErrorCode, `experiment_${string}`>;

/**
 * An experiment cannot begin. `experiment_invalid`: its file is wrong. `experiment_differs`: the
 * output directory holds something else. `experiment_busy`: another process works in it.
 */
export class ExperimentError extends RemdmError {
  override readonly name = "ExperimentError";

  constructor(code: ExperimentErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { code, remedy, ...(cause !== undefined && { cause }) });
  }
}

/** Makes the error of a wrong file. @param where the place in it; `what` goes on from there. */
export function invalid(
  where: string,
  what: string,
  remedy: string,
  cause?: unknown,
): ExperimentError {
  return new ExperimentError("experiment_invalid", `${where} ${what}`, remedy, cause);
}
