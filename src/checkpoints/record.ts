/** What is known of a downloaded file, in `FILE.json` beside it: for people, and so that it is hashed once. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { isRecord } from "../sampler/checks.ts";
import type { Job } from "./downloadOptions.ts";
import { fileError } from "./errors.ts";
import { PUBLISHED, type PublishedName } from "./published.ts";

interface Notes {
  readonly name: PublishedName;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly driveId: string;
  /** When this was written. */
  readonly recorded: string;
}

/**
 * The SHA-256 of a file, from its record where that is of this file; else the file is read, and the record written.
 * @param fresh whether the file has just come, so that a record can only be of another one.
 * @throws DownloadError output_failed; the signal's reason.
 */
export async function recordedSha256(job: Job, bytes: number, fresh: boolean): Promise<string> {
  const { name, path } = job;
  const known = fresh ? undefined : await readRecord(path, bytes);
  if (known !== undefined) return known;
  const sha256 = await hash(job, bytes);
  const { driveId } = PUBLISHED[name];
  const recorded = new Date().toISOString();
  await writeRecord(path, { name, file: basename(path), bytes, sha256, driveId, recorded });
  return sha256;
}

async function hash({ path, signal, onProgress }: Job, total: number): Promise<string> {
  const digest = createHash("sha256");
  let done = 0;
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    digest.update(bytes);
    done += bytes.length;
    onProgress({ stage: "check", done, total });
  }
  return digest.digest("hex");
}

function recordOf(path: string): string {
  return `${path}.json`;
}

async function writeRecord(path: string, notes: Notes): Promise<void> {
  const file = recordOf(path);
  try {
    await writeFile(`${file}.part`, `${JSON.stringify(notes, null, 2)}\n`);
    await rename(`${file}.part`, file);
  } catch (cause) {
    throw fileError(file, cause);
  }
}

/** @returns the SHA-256; undefined when there is no record, or it is of another file. */
async function readRecord(path: string, bytes: number): Promise<string | undefined> {
  const file = recordOf(path);
  if (!existsSync(file)) return undefined;
  const record: unknown = JSON.parse(await readFile(file, "utf8"));
  if (!isRecord(record) || record.bytes !== bytes) return undefined;
  return typeof record.sha256 === "string" ? record.sha256 : undefined;
}
