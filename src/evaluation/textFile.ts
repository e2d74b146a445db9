/** Reads UTF-8 text as a stream, whatever the file turns out to be. */
import { createReadStream } from "node:fs";
import { AbortedError } from "../sampler/errors.ts";
import { InputError } from "./errors.ts";

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Characters that a line, or a text that is needed as a whole, may have. Default 2^28, about half of what a JavaScript string can hold. */
  readonly maxLength?: number;
}

export const DEFAULT_MAX_LENGTH = 2 ** 28;

/**
 * @returns the text in pieces, without a byte order mark.
 * @throws InputError when the file cannot be read or is no UTF-8; AbortedError.
 */
export async function* textPieces(
  path: string,
  { signal }: ReadOptions = {},
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for await (const chunk of chunksOf(path)) {
    if (signal?.aborted) throw new AbortedError(signal.reason);
    const piece = decode(path, decoder, chunk, line);
    line += count(piece, "\n");
    yield piece;
  }
  decode(path, decoder, undefined, line);
}

/** @returns the lines of a text without their ends (`\n` or `\r\n`). @throws InputError, also for a line that is too long; AbortedError. */
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

/** @returns the whole text. @throws InputError, also for a text that is too long; AbortedError. */
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

async function* chunksOf(path: string): AsyncGenerator<Uint8Array, void, void> {
  const stream = createReadStream(path);
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      path,
      `cannot be read: ${why}`,
      "Name a file that exists and that you may read.",
      undefined,
      cause,
    );
  } finally {
    stream.destroy();
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
    // A piece may begin within a character, which is none of its faults.
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
