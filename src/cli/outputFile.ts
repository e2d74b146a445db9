/**
 * Writes results to a file that is opened before anything starts, so that long work is not done for
 * nothing.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { isRecord } from "../foundation/checks.ts";
import { JsonLines } from "../foundation/durableFiles.ts";
import { RemdmError } from "../foundation/errors.ts";
import { outputError } from "./failure.ts";
import { toJson } from "./terminal/terminalText.ts";

export class OutputFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  readonly #created: boolean;
  readonly #lines: JsonLines;
  #isWritten = false;
  #isClosed = false;

  /**
   * @param force whether the contents of a file that exists may go; they do with the first result.
   * @throws RemdmError output_failed.
   */
  constructor(path: string, force: boolean) {
    this.path = path;
    const opened = openOutput(path, force);
    this.#descriptor = opened.descriptor;
    this.#created = opened.created;
    this.#lines = JsonLines.into(path, opened.descriptor, toJson);
  }

  /** Adds a line of JSON, which is on the disk then. @throws RemdmError output_failed. */
  append(record: unknown, name: string): void {
    try {
      this.#lines.append(record);
    } catch (error) {
      throw outputError(
        `${name} cannot be written to ${this.path}`,
        isRecord(error) ? error.cause : error,
        "The samples that are in the file are complete.",
      );
    }
    this.#isWritten = true;
  }

  /** Makes a text the whole contents. @throws RemdmError output_failed. */
  replace(text: string): void {
    const isRegular = fstatSync(this.#descriptor).isFile();
    try {
      if (isRegular) ftruncateSync(this.#descriptor);
      writeFileSync(this.#descriptor, text);
    } catch (cause) {
      if (isRegular) ftruncateSync(this.#descriptor); // no half a result
      throw outputError(
        `The result cannot be written to ${this.path}`,
        cause,
        "The report stands on standard output.",
      );
    }
    this.#isWritten = true;
  }

  /** Leaves no empty file behind. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
    if (!this.#isWritten && this.#created) rmSync(this.path, { force: true });
  }
}

/** Opens a file for appending. @param force whether it may exist; its contents stay for now. */
function openOutput(
  path: string,
  force: boolean,
): { readonly descriptor: number; readonly created: boolean } {
  try {
    return { descriptor: openSync(path, "ax"), created: true };
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw outputError(`${path} cannot be written`, cause);
    const descriptor = openExisting(path);
    // A terminal, a pipe or /dev/null holds nothing that could be lost.
    if (force || !fstatSync(descriptor).isFile()) return { descriptor, created: false };
    closeSync(descriptor);
    throw new RemdmError(`${path} exists already`, {
      code: "output_failed",
      remedy: "Name another file, or replace this one with --force.",
      cause,
    });
  }
}

/** Makes nothing: a link may lead to where somebody else wants a file to be. */
function openExisting(path: string): number {
  const { O_WRONLY, O_APPEND, O_NONBLOCK } = constants;
  try {
    if (!statSync(path).isFIFO()) return openSync(path, O_WRONLY | O_APPEND);
    // To open a pipe waits for its reader, and nothing interrupts that; this fails without one.
    const reader = openSync(path, O_WRONLY | O_NONBLOCK);
    try {
      return openSync(path, O_WRONLY);
    } finally {
      closeSync(reader);
    }
  } catch (cause) {
    if (codeOf(cause) !== "ENXIO") throw outputError(`${path} cannot be written`, cause);
    throw new RemdmError(`Nobody reads from the pipe ${path}`, {
      code: "output_failed",
      remedy: "Start what reads from it first, or name a file.",
      cause,
    });
  }
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error.code : undefined;
}
