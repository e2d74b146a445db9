/**
 * Fetches a model of the Hugging Face hub into the hub's cache, which Python's huggingface_hub
 * shares. Each file resumes after any interruption and has its hash checked.
 */
import { createHash } from "node:crypto";
import { open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../../foundation/checks.ts";
import { bytesText } from "../../foundation/messages.ts";
import { digestOf } from "../digest.ts";
import { DownloadError, fileError, stoppable, type Interrupted } from "../errors.ts";
import { exclusively } from "../exclusively.ts";
import { PartFile } from "../partFile.ts";
import { persist } from "../retries.ts";
import { transfer } from "../transfer.ts";
import { isWhole, readShards } from "./cache.ts";
import type { HubFile, HubRevision } from "./client.ts";
import { DESCRIPTIONS, INDEX, neededOf, WEIGHTS } from "./files.ts";
import type { HubName } from "./names.ts";
import { resolveHubJob, type HubDownloadOptions, type HubJob } from "./options.ts";

export interface DownloadedModel {
  readonly name: HubName;
  /** The absolute path of the directory with the files: the snapshot of the commit. */
  readonly path: string;
  /** What was asked for. */
  readonly revision: string;
  /** The commit that it was: given as `revision`, it always means the same files. */
  readonly commit: string;
  /** How many bytes the files in the directory have. */
  readonly bytes: number;
  /** Whether this call fetched a file; false where all were there already. */
  readonly downloaded: boolean;
}

/** A file that is to be in the snapshot. */
interface Wanted extends HubFile {
  readonly name: string;
}

/** What has arrived so far of what is to come, in bytes. */
interface Tally {
  done: number;
  /** It is undefined until the index of the weights is here, which names the rest. */
  total: number | undefined;
}

/**
 * Downloads the files of a model that are needed, or finds them in the cache. The hub is asked in
 * any case which commit the revision is and which files it has.
 * @throws OptionError; DownloadError `download_interrupted` (the same call goes on from there),
 * `download_refused`, `download_busy`, `checkpoint_invalid` (a file does not have its hash),
 * `output_failed`; AbortedError.
 */
export async function downloadModel(
  name: HubName,
  options: HubDownloadOptions,
): Promise<DownloadedModel> {
  const job = resolveHubJob(name, options);
  return stoppable(job, () => obtain(job));
}

async function obtain(job: HubJob): Promise<DownloadedModel> {
  const { name, revision, repository } = job;
  const found = await persist(
    job,
    () => job.hub.describe(revision, job),
    (cause) => brokeOff(job, "before its first file came", cause),
  );
  const small = smallFiles(name, found);
  // This comes before anything is written: the cache may be one that only others may write.
  const isHere = !job.force && (await isThere(job, found.commit, small));
  const downloaded = isHere ? false : await fetchMissing(job, found, small);
  const path = repository.snapshot(found.commit);
  const { commit } = found;
  return { name, path, revision, commit, bytes: await bytesIn(path), downloaded };
}

/** Whether the cache has all that is needed, under the revision's name. */
async function isThere(
  { revision, repository }: HubJob,
  commit: string,
  small: readonly Wanted[],
): Promise<boolean> {
  const snapshot = repository.snapshot(commit);
  if (!isWhole(snapshot)) return false;
  if (revision !== commit && repository.commitOf(revision) !== commit) return false;
  for (const { name, bytes } of small) {
    if ((await sizeOf(join(snapshot, name))) !== bytes) return false;
  }
  return true;
}

/** Fetches what is missing and names the revision; returns whether anything was fetched. */
async function fetchMissing(
  job: HubJob,
  found: HubRevision,
  small: readonly Wanted[],
): Promise<boolean> {
  const { name, revision, repository } = job;
  const { commit } = found;
  await repository.make(commit);
  const work = async (): Promise<boolean> => {
    const tally: Tally = { done: 0, total: undefined };
    let fetched = 0;
    for (const file of small) fetched += Number(await fetchFile(job, commit, file, tally));
    const weights = weightFiles(name, found, join(repository.snapshot(commit), INDEX));
    tally.total = sum([...small, ...weights]);
    for (const file of weights) fetched += Number(await fetchFile(job, commit, file, tally));
    // It comes last, so that what the revision's name leads to is whole.
    if (revision !== commit) await repository.record(revision, commit);
    return fetched > 0;
  };
  return exclusively(repository.path, work, join(repository.path, "remdm.lock"));
}

/** Returns the files beside the weights, the index of the weights included. */
function smallFiles(name: HubName, found: HubRevision): Wanted[] {
  const { small, weights } = neededOf(new Set(found.files.keys()));
  if (!small.some((one) => DESCRIPTIONS.includes(one))) {
    throw refused(
      `${name} is not a model that can be loaded: it has no ${DESCRIPTIONS.join(" and no ")}`,
      "Name a model in the format of Hugging Face's transformers.",
    );
  }
  if (weights === undefined) {
    const pickled = [...found.files.keys()].find((one) => /\.(bin|pt|pth|ckpt)$/.test(one));
    throw refused(
      `${name} has no ${WEIGHTS}${pickled === undefined ? "" : `, and ${pickled} is pickled, which can run code and is never opened`}`,
      "Look for a revision that has safetensors among the model's branches and pull requests (`refs/pr/1`), or save it as such where you trust it.",
    );
  }
  return [...small, ...(weights === INDEX ? [INDEX] : [])].map((one) => wanted(name, found, one));
}

function weightFiles(name: HubName, found: HubRevision, index: string): Wanted[] {
  if (found.files.has(WEIGHTS)) return [wanted(name, found, WEIGHTS)];
  const shards = readShards(index);
  if (shards !== undefined) return shards.map((one) => wanted(name, found, one));
  throw refused(
    `${INDEX} of ${name} does not name .safetensors files beside it`,
    "Tell the model's owners, or name another revision.",
  );
}

function wanted(name: HubName, { commit, files }: HubRevision, file: string): Wanted {
  const found = files.get(file);
  if (found !== undefined) return { name: file, ...found };
  const lack = files.has(file) ? "tells no hash of it" : "does not have it";
  throw refused(
    `${file} of ${name} is needed, and the hub ${lack} (commit ${commit})`,
    "Tell the model's owners, or name another revision.",
  );
}

/** Puts a file into the snapshot; returns whether it had to be fetched. */
async function fetchFile(
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
  await persist(
    job,
    () =>
      transfer(part, {
        request: (headers, patience) => hub.request(file.name, commit, headers, patience),
        remedy: "or name another server with HF_ENDPOINT",
        mostBytes: file.bytes,
        magic: Uint8Array.of(),
        stallMs,
        signal,
        onBytes,
      }),
    (cause) => {
      const of = tally.total === undefined ? "" : ` of ${bytesText(tally.total)}`;
      return brokeOff(job, `after ${bytesText(tally.done + part.size)}${of}`, cause);
    },
    () => part.size,
  );
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

/** Returns how many bytes the files of a directory have. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw fileError(directory, cause, "read");
  });
  let bytes = 0;
  for (const name of names) bytes += (await sizeOf(join(directory, name))) ?? 0;
  return bytes;
}

/** Returns the size of a file, or of the one that a link leads to; undefined where none is. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (cause) {
    if (isRecord(cause) && cause.code === "ENOENT") return undefined;
    throw fileError(path, cause, "read");
  }
}

function sum(files: readonly HubFile[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}

function brokeOff({ name, revision }: HubJob, when: string, cause: Interrupted): DownloadError {
  const pinned = revision === "main" ? "" : ` --revision ${revision}`;
  return new DownloadError(
    "download_interrupted",
    `The download of ${name} broke off ${when}: ${cause.message}`,
    `Run the same command again (\`npx remdm checkpoints download ${name}${pinned}\`); it goes on from there.`,
    cause,
  );
}

function refused(message: string, remedy: string): DownloadError {
  return new DownloadError("download_refused", message, remedy);
}
