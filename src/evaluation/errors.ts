/** The error that says what is wrong with a file of samples or references. */
import { RemdmError } from "../foundation/errors.ts";

/** Says that a file cannot be read, or does not hold what it should. */
export class InputError extends RemdmError {
  override readonly name = "InputError";
  readonly path: string;
  /** The line at fault, counted from 1; undefined where no line is. */
  readonly line: number | undefined;

  /**
   * @param problem says what is wrong, as a phrase that follows the name of the file and the line.
   */
  constructor(path: string, problem: string, remedy: string, line?: number, cause?: unknown) {
    const place = line === undefined ? path : `${path}, line ${line},`;
    super(`${place} ${problem}`, { code: "input_invalid", remedy, cause });
    this.path = path;
    this.line = line;
  }
}
