/**
 * Fetches a model of the Hugging Face hub into the hub's cache, which Python's huggingface_hub
 * shares. Each file resumes after any interruption and has its hash checked.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileError, refused, stoppable } from "../errors.ts";
import { exclusively } from "../exclusively.ts";
import { persist } from "../retries.ts";
import { isWhole } from "./cache.ts";
import type { HubFile, HubRevision } from "./client.ts";
import { brokeOff, fetchFile, sizeOf, type Tally } from "./fetchFile.ts";
import { INDEX } from "./files.ts";
import type { HubName } from "./names.ts";
import { resolveHubJob, type HubJob } from "./job.ts";
import type { HubDownloadOptions } from "./options.ts";
import { smallFiles, weightFiles, type Wanted } from "./wanted.ts";

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

/**
 * Downloads the files of a model that are needed, or finds them in the cache. The hub is asked in
 * any case which commit the revision is and which files it has, except where `HF_HUB_OFFLINE` is
 * set: then the cache alone counts.
 * @throws OptionError; DownloadError `download_interrupted` (the same call goes on from there),
 * `download_refused`, `download_busy`, `checkpoint_invalid` (a file does not have its hash),
 * `output_failed`; AbortedError.
 */
export async function downloadModel(
  name: HubName,
  options: HubDownloadOptions,
): Promise<DownloadedModel> {
  const job = resolveHubJob(name, options);
  return stoppable(job, () => (isOffline() ? find(job) : obtain(job)));
}

/** Whether the user's settings keep huggingface_hub from the network, as it reads them. */
function isOffline({ HF_HUB_OFFLINE: setting = "" } = process.env): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(setting.toUpperCase());
}

/** Finds the model as it was downloaded. @throws DownloadError `download_refused`. */
async function find({ name, revision, repository }: HubJob): Promise<DownloadedModel> {
  const commit = repository.find(revision);
  if (commit === undefined) {
    throw refused(
      `HF_HUB_OFFLINE is set, and ${repository.path} has no whole ${name} of the revision ${revision}`,
      "Unset HF_HUB_OFFLINE to download it, or name a revision that is there.",
    );
  }
  const path = repository.snapshot(commit);
  return { name, path, revision, commit, bytes: await bytesIn(path), downloaded: false };
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

/** Returns how many bytes the files of a directory have. */
async function bytesIn(directory: string): Promise<number> {
  const names = await readdir(directory).catch((cause: unknown) => {
    throw fileError(directory, cause, "read");
  });
  let bytes = 0;
  for (const name of names) bytes += (await sizeOf(join(directory, name))) ?? 0;
  return bytes;
}

function sum(files: readonly HubFile[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}
