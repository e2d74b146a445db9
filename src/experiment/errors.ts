/** What can be wrong with an experiment itself; what goes wrong in its work keeps its own error. */
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

type ExperimentErrorCode = Extract<RemdmErrorCode, `experiment_${string}`>;

/**
 * `experiment_invalid`: the file. `experiment_differs`: the output directory holds another experiment.
 * `experiment_busy`: somebody else works in it.
 */
export class ExperimentError extends RemdmError {
  override readonly name = "ExperimentError";

  constructor(code: ExperimentErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { code, remedy, ...(cause !== undefined && { cause }) });
  }
}
