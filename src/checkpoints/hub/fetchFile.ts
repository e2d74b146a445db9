/** Fetches a file of a model into the cache, from wherever an earlier attempt stopped. */
import { createHash } from "node:crypto";
import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../../foundation/checks.ts";
import { bytesText } from "../../foundation/messages.ts";
import { digestOf } from "../digest.ts";
import { DownloadError, fileError, Interrupted } from "../errors.ts";
import { PartFile } from "../partFile.ts";
import { persist } from "../retries.ts";
import { transfer } from "../transfer.ts";
import type { HubJob } from "./job.ts";
import type { Wanted } from "./wanted.ts";

/** What has arrived so far of what is to come, in bytes. */
export interface Tally {
  done: number;
  /** It is undefined until the index of the weights is here, which names the rest. */
  total: number | undefined;
}

/** Puts a file into the snapshot; returns whether it had to be fetched. */
export async function fetchFile(
  job: HubJob,
  commit: string,
  file: Wanted,
  tally: Tally,
): Promise<boolean> {
  const { repository, force } = job;
  const blob = repository.blob(file.etag);
  const isPlaced = (await sizeOf(join(repository.snapshot(commit), file.name))) === file.bytes;
  const isHere = !force && (isPlaced || (await sizeOf(blob)) === file.bytes);
  if (!isHere) await fetchBlob(job, commit, file, tally);
  if (force || !isPlaced) await repository.place(file.etag, commit, file.name);
  tally.done += file.bytes;
  return !isHere;
}

/** Fetches a blob until it is whole, has its hash and its name. */
async function fetchBlob(job: HubJob, commit: string, file: Wanted, tally: Tally): Promise<void> {
  const blob = job.repository.blob(file.etag);
  const part = await PartFile.open(blob, file.etag);
  try {
    await fetchAll(job, commit, file, tally, part);
    await part.close();
  } catch (error) {
    await part.close();
    throw error;
  }
  // A part without a byte is not kept; an empty file is one all the same.
  if (file.bytes === 0) await writeFile(part.path, "");
  await checkHash(job, file, tally, part);
  await part.publish();
}

async function fetchAll(
  job: HubJob,
  commit: string,
  file: Wanted,
  tally: Tally,
  part: PartFile,
): Promise<void> {
  const { hub, signal, stallMs } = job;
  const onBytes = (): void => {
    job.onProgress({ stage: "download", done: tally.done + part.size, total: tally.total });
  };
  const options = {
    request: (headers: Readonly<Record<string, string>>, patience: AbortSignal) =>
      hub.request(file.name, commit, headers, patience),
    remedy: "or name another server with HF_ENDPOINT",
    mostBytes: file.bytes,
    magic: Uint8Array.of(),
    ...{ stallMs, signal, onBytes },
  };
  const attempt = async (): Promise<void> => {
    await transfer(part, options);
    // A server that does not tell the length cannot tell either that the connection was lost.
    if (part.identity.total === undefined && part.size < file.bytes) {
      throw new Interrupted(`${bytesText(part.size)} of ${bytesText(file.bytes)} came`);
    }
  };
  const end = (cause: Interrupted): DownloadError => {
    const of = tally.total === undefined ? "" : ` of ${bytesText(tally.total)}`;
    return brokeOff(job, `after ${bytesText(tally.done + part.size)}${of}`, cause);
  };
  await persist(job, attempt, end, () => part.size);
}

/** Compares what came with the hash that the hub told; a wrong file is removed. */
async function checkHash(job: HubJob, file: Wanted, tally: Tally, part: PartFile): Promise<void> {
  const { signal, onProgress } = job;
  const onRead = (read: number): void => {
    onProgress({ stage: "check", done: tally.done + read, total: tally.total });
  };
  const handle = await open(part.path).catch((cause: unknown) => {
    throw fileError(part.path, cause, "read");
  });
  let found: string;
  try {
    const { size } = await handle.stat();
    // Git hashes a header with the contents.
    const hash = file.isLarge ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
    found = await digestOf(handle, hash, { path: part.path, signal, onRead });
  } finally {
    await handle.close();
  }
  if (found === file.etag) return;
  await part.remove();
  throw new DownloadError(
    "checkpoint_invalid",
    `${file.name} of ${job.name} did not arrive as the hub has it: its hash is ${found}, not ${file.etag}`,
    "What came was removed: run the same command again.",
  );
}

/** Returns the size of a file, or of the one that a link leads to; undefined where none is. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (cause) {
    if (isRecord(cause) && cause.code === "ENOENT") return undefined;
    throw fileError(path, cause, "read");
  }
}

export function brokeOff(
  { name, revision }: HubJob,
  when: string,
  cause: Interrupted,
): DownloadError {
  const pinned = revision === "main" ? "" : ` --revision ${revision}`;
  return new DownloadError(
    "download_interrupted",
    `The download of ${name} broke off ${when}: ${cause.message}`,
    `Run the same command again (\`npx remdm checkpoints download ${name}${pinned}\`); it goes on from there.`,
    cause,
  );
}
