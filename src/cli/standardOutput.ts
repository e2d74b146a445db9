/**
 * Writes results to standard output, and is the one place that learns when it takes no more. A
 * reader that goes away (`| head`) ends the work quietly; a full disk is a failure.
 */
import { fstatSync, writeFileSync } from "node:fs";
import { outputError } from "./failure.ts";
import type { RemdmError } from "../foundation/errors.ts";

class StandardOutput {
  #isWatched = false;
  /** A file that standard output is; undefined: a terminal or a pipe. */
  #file: number | undefined;
  #error: NodeJS.ErrnoException | undefined;
  #onClosed: () => void = () => undefined;

  /** Begins a command line: forgets the errors of an earlier one in this process. */
  open(): void {
    this.#error = undefined;
    this.#file = fileOf(process.stdout.fd);
    if (this.#isWatched) return;
    this.#isWatched = true;
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      this.#fail(error);
    });
    // What cannot be said on standard error can be said nowhere; results and exit code stand.
    process.stderr.on("error", () => undefined);
  }

  write(text: string): void {
    if (this.#error !== undefined) return;
    if (this.#file === undefined) {
      process.stdout.write(text);
      return;
    }
    // Node's stream writes to a file once and drops what a disk had no more room for, unsaid.
    try {
      writeFileSync(this.#file, text);
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#error ??= error;
    this.#onClosed();
  }

  /** @param onClosed called when it takes no more; it replaces the one of an earlier command. */
  whenClosed(onClosed: () => void): void {
    this.#onClosed = onClosed;
  }

  /** Waits until all is written. @returns why it is not; undefined also for a reader that went. */
  async failure(): Promise<RemdmError | undefined> {
    // Errors are told in a later turn of the event loop.
    await new Promise<void>((resolve) => {
      if (process.stdout.writableLength > 0) process.stdout.write("", () => resolve());
      else setImmediate(resolve);
    });
    if (this.#error === undefined || this.#error.code === "EPIPE") return undefined;
    return outputError("Standard output cannot be written", this.#error);
  }
}

/** Returns the descriptor if it is a regular file. */
function fileOf(descriptor: number): number | undefined {
  try {
    return fstatSync(descriptor).isFile() ? descriptor : undefined;
  } catch {
    return undefined; // it is closed, and writing says so
  }
}

export const standardOutput = new StandardOutput();
