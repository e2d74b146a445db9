/** Reads a file through a hash. */
import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { fileError } from "./errors.ts";

export interface DigestOptions {
  /** The path of the file, for errors. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Called with the number of bytes that were read so far. */
  readonly onRead: (done: number) => void;
}

/**
 * Returns the digest of a file in hexadecimal.
 * @param digest the hash; it may have been given a beginning of its own.
 * @throws DownloadError output_failed when the file cannot be read; the signal's reason.
 */
export async function digestOf(
  file: FileHandle,
  digest: Hash,
  { path, signal, onRead }: DigestOptions,
): Promise<string> {
  const buffer = Buffer.alloc(1 << 20);
  for (let done = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length).catch((cause: unknown) => {
      throw fileError(path, cause, "read");
    });
    if (bytesRead === 0) return digest.digest("hex");
    digest.update(buffer.subarray(0, bytesRead));
    done += bytesRead;
    onRead(done);
  }
}
