/**
 * Records what is known of a downloaded file in `FILE.json` beside it, for people, and so that the
 * file is hashed only once.
 */
import { createHash, randomUUID } from "node:crypto";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { isRecord } from "../foundation/checks.ts";
import { digestOf } from "./digest.ts";
import type { Job } from "./downloadOptions.ts";
import { fileError } from "./errors.ts";
import { PUBLISHED, type PublishedName } from "./published.ts";

interface Notes {
  readonly name: PublishedName;
  readonly file: string;
  readonly bytes: number;
  /**
   * When the file was last written, in milliseconds since 1970. A record says nothing of a file
   * with another time.
   */
  readonly modifiedMs: number;
  readonly sha256: string;
  readonly driveId: string;
  /** When this was written. */
  readonly recorded: string;
}

/** How many bytes a file has, and their SHA-256 in hexadecimal. */
export type Contents = Pick<Notes, "bytes" | "sha256">;

/**
 * Returns a file's size and hash. The hash comes from the record if the record is of this file;
 * else the file is read, and the record written.
 * @throws DownloadError output_failed when the file cannot be read; the signal's reason.
 */
export async function contentsOf(job: Job): Promise<Contents> {
  const { name, path, signal, onProgress } = job;
  const file = await open(path).catch((cause: unknown) => {
    throw fileError(path, cause, "read");
  });
  try {
    const { size: bytes, mtimeMs: modifiedMs } = await file.stat();
    const known = await readRecord(path, bytes, modifiedMs);
    if (known !== undefined) return { bytes, sha256: known };
    const sha256 = await digestOf(file, createHash("sha256"), {
      path,
      signal,
      onRead: (done) => {
        onProgress({ stage: "check", done, total: bytes });
      },
    });
    const { driveId } = PUBLISHED[name];
    const recorded = new Date().toISOString();
    const notes = { name, file: basename(path), bytes, modifiedMs, sha256, driveId, recorded };
    await writeRecord(path, notes);
    return { bytes, sha256 };
  } finally {
    await file.close();
  }
}

/**
 * Removes the record of a file; it must precede another file that takes the file's place. @throws
 * DownloadError output_failed.
 */
export async function forgetRecord(path: string): Promise<void> {
  const file = recordOf(path);
  try {
    await rm(file, { force: true });
  } catch (cause) {
    throw fileError(file, cause);
  }
}

function recordOf(path: string): string {
  return `${path}.json`;
}

/**
 * Writes a record. Where it cannot be written, as in a shared cache, the file is hashed again the
 * next time.
 */
async function writeRecord(path: string, notes: Notes): Promise<void> {
  const file = recordOf(path);
  const part = `${file}.${randomUUID()}.part`;
  try {
    await writeFile(part, `${JSON.stringify(notes, null, 2)}\n`);
    await rename(part, file);
  } catch (error) {
    requireFileSystemError(error);
    await rm(part, { force: true }).catch(requireFileSystemError);
  }
}

/** Returns the recorded SHA-256; undefined when no record can be read, or it is of another file. */
async function readRecord(
  path: string,
  bytes: number,
  modifiedMs: number,
): Promise<string | undefined> {
  const record = await readJson(recordOf(path));
  if (!isRecord(record) || record.bytes !== bytes) return undefined;
  if (record.modifiedMs !== modifiedMs) return undefined;
  return typeof record.sha256 === "string" ? record.sha256 : undefined;
}

async function readJson(path: string): Promise<unknown> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) requireFileSystemError(error);
    return undefined;
  }
}

/** Throws an error again unless it is the file system's. */
function requireFileSystemError(error: unknown): void {
  if (!isRecord(error) || typeof error.syscall !== "string") throw error;
}
