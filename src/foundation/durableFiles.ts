/** Files that survive a kill: a line is there or not, a text is replaced as a whole. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { parseJson } from "./json.ts";
import { RemdmError } from "./errors.ts";

/**
 * A file of JSON with one record a line. A record that was written is on the disk; half a line is
 * cut off when the file is opened again.
 */
export class JsonLines implements Disposable {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #isRegular: boolean;
  readonly #toJson: (record: unknown) => string;
  /** Bytes of the whole lines in it. */
  #size: number;
  #closed = false;

  private constructor(
    path: string,
    descriptor: number,
    size: number,
    toJson: (record: unknown) => string = JSON.stringify,
  ) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#isRegular = fstatSync(descriptor).isFile();
    this.#size = size;
    this.#toJson = toJson;
  }

  /**
   * Writes into what is open for appending: a file, whose contents go when the first record comes,
   * or a device or a pipe.
   * @param toJson writes a record as JSON in one line.
   */
  static into(path: string, descriptor: number, toJson: (record: unknown) => string): JsonLines {
    return new JsonLines(path, descriptor, 0, toJson);
  }

  /**
   * Opens a file for appending, and makes it where there is none.
   * @param read checks a record of an earlier session.
   * @param remedy says what to do about a line that remdm did not write.
   * @param toJson writes a record as JSON in one line. Default: JSON.stringify.
   * @throws RemdmError output_failed; also for a line that remdm did not write, and for a device or
   *   a pipe, which may never end.
   */
  static open<Record>(
    path: string,
    read: (value: unknown) => Record,
    remedy = "Delete that line, and what it held is made again; or write to another place.",
    toJson?: (record: unknown) => string,
  ): { readonly file: JsonLines; readonly records: Record[] } {
    const known = attempt(path, () => statSync(path, { throwIfNoEntry: false }));
    if (known?.isFile() === false) {
      throw new RemdmError(`${path} is no file that can be gone on with`, {
        code: "output_failed",
        remedy: "Name a file.",
      });
    }
    const bytes = attempt(path, () => (known ? readFileSync(path) : Buffer.alloc(0)));
    const { records, size } = readLines(path, bytes, read, remedy);
    const isNew = known === undefined;
    const descriptor = attempt(path, () => openSync(path, "a"));
    attempt(path, () => {
      if (size < bytes.length) ftruncateSync(descriptor, size);
      if (isNew) syncDirectory(dirname(path));
    });
    return { file: new JsonLines(path, descriptor, size, toJson), records };
  }

  /** Returns when the record is on the disk. @throws RemdmError output_failed. */
  append(record: unknown): void {
    const line = Buffer.from(`${this.#toJson(record)}\n`);
    attempt(this.#path, () => {
      try {
        if (this.#isRegular && this.#size === 0) ftruncateSync(this.#descriptor);
        for (let at = 0; at < line.length;) at += writeSync(this.#descriptor, line, at);
        if (this.#isRegular) fsyncSync(this.#descriptor);
      } catch (error) {
        if (this.#isRegular) ftruncateSync(this.#descriptor, this.#size); // no half a line
        throw error;
      }
    });
    this.#size += line.length;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

/**
 * Replaces a text as a whole: a process that is killed leaves the old text or the new one.
 * @throws RemdmError output_failed.
 */
export function replaceText(path: string, text: string): void {
  attempt(path, () => {
    const next = `${path}.next`;
    const descriptor = openSync(next, "w");
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(next, path);
    syncDirectory(dirname(path));
  });
}

/** Makes a directory and those above it. @throws RemdmError output_failed. */
export function makeDirectory(path: string): void {
  attempt(path, () => mkdirSync(path, { recursive: true }));
}

/** Puts the names in a directory on the disk, as fsync of a file does not. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return; // directories cannot be opened there
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readLines<Record>(
  path: string,
  bytes: Buffer,
  read: (value: unknown) => Record,
  remedy: string,
): { readonly records: Record[]; readonly size: number } {
  const records: Record[] = [];
  let size = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, size);
    if (end < 0) return { records, size };
    try {
      records.push(read(parseJson(bytes.toString("utf8", size, end))));
    } catch (cause) {
      // A power cut may lose the last line, never one before it; and it leaves no whole record.
      if (cause instanceof SyntaxError && end === bytes.length - 1) return { records, size };
      throw new RemdmError(`Line ${line} of ${path} was not written by remdm`, {
        code: "output_failed",
        remedy,
        cause,
      });
    }
    size = end + 1;
  }
}

/** Gives an error of the file system a remedy. @throws RemdmError output_failed. */
export function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (RemdmError.isInstance(cause)) throw cause;
    const { message, code } = cause as NodeJS.ErrnoException;
    throw new RemdmError(`${path} cannot be written: ${message}`, {
      code: "output_failed",
      remedy:
        code === "ENOSPC"
          ? "Free some space and start again; everything that was finished is on the disk."
          : "Write to a place that you may write to.",
      cause,
    });
  }
}
