/** Results: JSON, text, and a file that keeps each sample as soon as it is there. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { isRecord } from "../foundation/checks.ts";
import type { FinishReason } from "../sampler/events.ts";
import { RemdmError } from "../foundation/errors.ts";
import { harmless } from "./terminal/terminalText.ts";

/** A line of `--out`. */
export interface SampleRecord {
  readonly sample: number;
  readonly tokens: readonly number[];
  readonly text: string;
  /** Nats. */
  readonly entropy: number;
  readonly finishReason: FinishReason;
}

/** JSON whose strings steer no terminal: control characters that JSON allows are escaped too. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/**
 * A sample for people. Alone and not on a terminal it is the text and nothing else, so that it can be piped.
 * @param samples how many there are in all.
 */
export function toText(
  { sample, text }: Pick<SampleRecord, "sample" | "text">,
  samples: number,
  isTerminal: boolean,
): string {
  const heading = samples > 1 || isTerminal ? `--- sample ${sample + 1} of ${samples}\n` : "";
  return `${heading}${isTerminal ? harmless(text) : text}\n`;
}

/** `--out FILE.jsonl`: opened before anything starts, a line on the disk for each finished sample. */
export class SampleFile implements Disposable {
  readonly path: string;
  readonly #descriptor: number;
  readonly #created: boolean;
  readonly #isRegular: boolean;
  #kept = 0;
  /** Bytes of the lines that are in it. */
  #size = 0;
  #closed = false;

  /**
   * @param force whether the contents of a file that exists may go; they do when the first sample comes.
   * @throws RemdmError output_failed.
   */
  constructor(path: string, force: boolean) {
    this.path = path;
    const opened = openOutput(path, force);
    this.#descriptor = opened.descriptor;
    this.#created = opened.created;
    this.#isRegular = fstatSync(opened.descriptor).isFile();
  }

  /** How many samples are in it. */
  get kept(): number {
    return this.#kept;
  }

  /** @throws RemdmError output_failed. */
  write(record: SampleRecord): void {
    const line = Buffer.from(`${toJson(record)}\n`);
    try {
      if (this.#isRegular && this.#kept === 0) ftruncateSync(this.#descriptor);
      for (let at = 0; at < line.length;) at += writeSync(this.#descriptor, line, at);
      if (this.#isRegular) fsyncSync(this.#descriptor);
    } catch (cause) {
      if (this.#isRegular) ftruncateSync(this.#descriptor, this.#size); // no half a line
      throw outputError(
        `Sample ${record.sample} cannot be written to ${this.path}`,
        cause,
        "The samples that are in the file are complete.",
      );
    }
    this.#size += line.length;
    this.#kept++;
  }

  /** Leaves no empty file behind. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
    if (this.#kept === 0 && this.#created) rmSync(this.path, { force: true });
  }
}

/**
 * For appending.
 * @param force whether the contents of a regular file that exists may go; they are not touched here.
 * @throws RemdmError output_failed.
 */
export function openOutput(
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

function openExisting(path: string): number {
  try {
    return openSync(path, "a");
  } catch (cause) {
    throw outputError(`${path} cannot be written`, cause);
  }
}

/**
 * @param what failed, without the reason.
 * @param kept where the disk is full: a sentence on what there is all the same.
 */
export function outputError(what: string, cause: unknown, kept?: string): RemdmError {
  const why = isRecord(cause) ? String(cause.message) : String(cause);
  return new RemdmError(`${what}: ${why}`, {
    code: "output_failed",
    remedy:
      codeOf(cause) === "ENOSPC"
        ? `Free some space. ${kept ?? ""}`.trimEnd()
        : "Name a file in a directory that exists and that you may write to.",
    cause,
  });
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error.code : undefined;
}
