/** A file for one result: opened before anything starts, so that long work is not done for nothing. */
import { closeSync, fstatSync, ftruncateSync, rmSync, writeFileSync } from "node:fs";
import { openOutput, outputError } from "./output.ts";

export class ResultFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  readonly #created: boolean;
  #written = false;
  #closed = false;

  /**
   * @param force whether the contents of a file that exists may go; they do when there is a result.
   * @throws RemdmError output_failed.
   */
  constructor(path: string, force: boolean) {
    this.path = path;
    const opened = openOutput(path, force);
    this.#descriptor = opened.descriptor;
    this.#created = opened.created;
  }

  /** @throws RemdmError output_failed. */
  write(text: string): void {
    const isRegular = fstatSync(this.#descriptor).isFile();
    try {
      if (isRegular) ftruncateSync(this.#descriptor);
      writeFileSync(this.#descriptor, text);
      this.#written = true;
    } catch (cause) {
      if (isRegular) ftruncateSync(this.#descriptor); // no half a result
      throw outputError(
        `The result cannot be written to ${this.path}`,
        cause,
        "The report stands on standard output.",
      );
    }
  }

  /** Leaves no empty file behind. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
    if (!this.#written && this.#created) rmSync(this.path, { force: true });
  }
}
