/** What can be wrong with a file of samples or references. */
import { RemdmError } from "../foundation/errors.ts";

/** A file cannot be read, or does not hold what it should. */
export class InputError extends RemdmError {
  override readonly name = "InputError";
  readonly path: string;
  /** The line at fault, from 1, where there is one. */
  readonly line: number | undefined;

  /** @param problem what is wrong, as a phrase after the name of the file and the line. */
  constructor(path: string, problem: string, remedy: string, line?: number, cause?: unknown) {
    const place = line === undefined ? path : `${path}, line ${line},`;
    super(`${place} ${problem}`, { code: "input_invalid", remedy, cause });
    this.path = path;
    this.line = line;
  }
}
