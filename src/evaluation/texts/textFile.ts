/** Reads UTF-8 text as a stream, whatever the file turns out to be. */
import { constants } from "node:fs";
import { lstat, open, realpath, type FileHandle } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { checkInteger, checkSignal, checkText, isRecord } from "../../foundation/checks.ts";
import { AbortedError } from "../../foundation/errors.ts";
import { InputError } from "../errors.ts";

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /**
   * How many characters a line, or a text that is read as a whole, may have. Default 2^28, about
   * half of what a JavaScript string can hold.
   */
  readonly maxLength?: number;
}

export const DEFAULT_MAX_LENGTH = 2 ** 28;

export const READ_KEYS: Readonly<Record<keyof ReadOptions, true>> = {
  signal: true,
  maxLength: true,
};

/** Checks the path and the options that every reading of a file has. @throws OptionError. */
export function checkReading(path: unknown, options: Readonly<Record<string, unknown>>): void {
  const { signal, maxLength = DEFAULT_MAX_LENGTH } = options;
  checkText("path", path, "the path of a file");
  checkSignal(signal);
  checkInteger("maxLength", maxLength, 1, Number.MAX_SAFE_INTEGER);
}

/** Bytes that are read at a time. */
const CHUNK = 2 ** 16;
/** How often an empty pipe is looked at, in milliseconds. */
const PIPE_MS = 5;
/** The flag that opens a pipe without waiting for its writer; Windows has no such flag. */
const NONBLOCKING = process.platform === "win32" ? 0 : constants.O_NONBLOCK;

/**
 * Yields the text in pieces, without a byte order mark.
 * @throws InputError when the file cannot be read or is not UTF-8; AbortedError.
 */
export async function* textPieces(
  path: string,
  { signal }: ReadOptions = {},
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for await (const chunk of chunksOf(path, signal)) {
    const piece = decode(path, decoder, chunk, line);
    line += count(piece, "\n");
    yield piece;
  }
  decode(path, decoder, undefined, line);
}

/**
 * Yields the lines of a text without their ends (`\n` or `\r\n`).
 * @throws InputError, also for a line that is too long; AbortedError.
 */
export async function* textLines(
  path: string,
  options: ReadOptions = {},
): AsyncGenerator<string, void, void> {
  const { maxLength = DEFAULT_MAX_LENGTH } = options;
  let pending: string[] = [];
  let [length, line] = [0, 1];
  for await (const piece of textPieces(path, options)) {
    const parts = piece.split("\n");
    for (const [i, part] of parts.entries()) {
      length += part.length;
      if (length > maxLength) throw tooLong(path, `is longer than ${maxLength} characters`, line);
      pending.push(part);
      if (i === parts.length - 1) break;
      yield pending.join("").replace(/\r$/, "");
      [pending, length] = [[], 0];
      line++;
    }
  }
  if (length > 0) yield pending.join("").replace(/\r$/, "");
}

/** Returns the whole text. @throws InputError, also for a text that is too long; AbortedError. */
export async function readText(path: string, options: ReadOptions = {}): Promise<string> {
  const { maxLength = DEFAULT_MAX_LENGTH } = options;
  const pieces: string[] = [];
  let length = 0;
  for await (const piece of textPieces(path, options)) {
    length += piece.length;
    if (length > maxLength) throw tooLong(path, `holds more than ${maxLength} characters`);
    pieces.push(piece);
  }
  return pieces.join("");
}

/**
 * Yields the bytes of a file. A read that waits in the system could not be aborted, so pipes are
 * looked at now and then.
 */
async function* chunksOf(
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | NONBLOCKING);
    // A named pipe may still get its writer; the writer of an unnamed one (`<(...)`, `|`) is there,
    // or was. Limitation: a writer that opens a named pipe and closes it without writing is not
    // noticed.
    let awaitsWriter = (await lstat(await realpath(path).catch(() => path))).isFIFO();
    for (;;) {
      if (signal?.aborted) throw new AbortedError(signal.reason);
      const chunk = await readSome(file);
      const isEnd = chunk?.length === 0;
      if (isEnd && !awaitsWriter) return;
      awaitsWriter &&= isEnd;
      if (chunk === undefined || isEnd) await pause(PIPE_MS);
      else yield chunk;
    }
  } catch (cause) {
    if (cause instanceof AbortedError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      path,
      `cannot be read: ${why}`,
      "Name a file that exists and that you may read.",
      undefined,
      cause,
    );
  } finally {
    await file?.close();
  }
}

/** Returns undefined where a pipe has nothing yet, and no bytes at the end. */
async function readSome(file: FileHandle): Promise<Uint8Array | undefined> {
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (isRecord(error) && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

function decode(
  path: string,
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Uint8Array | undefined,
  line: number,
): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    // A piece may begin within a character, which is not an error of the text.
    const start = Math.max(0, chunk?.findIndex((byte) => (byte & 0xc0) !== 0x80) ?? 0);
    const [before = ""] = new TextDecoder().decode(chunk?.subarray(start)).split("\ufffd", 1);
    throw new InputError(
      path,
      "is not UTF-8 text",
      "Save it as UTF-8; if it is compressed, unpack it first.",
      line + count(before, "\n"),
      cause,
    );
  }
}

function tooLong(path: string, problem: string, line?: number): InputError {
  return new InputError(path, problem, "Make a file of a part of it, and use that.", line);
}

function count(text: string, character: string): number {
  let found = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) found++;
  return found;
}
