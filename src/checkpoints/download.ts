/**
 * Fetches a checkpoint into the cache: here a published one; hub/ has the models of the hub. A
 * download resumes after any interruption, and the file is checked when it has arrived.
 */
import { mkdir, stat } from "node:fs/promises";
import { bytesText } from "../foundation/messages.ts";
import { isRecord } from "../foundation/checks.ts";
import { resolveJob, type DownloadOptions, type Job } from "./downloadOptions.ts";
import { byHand, requestFile } from "./drive.ts";
import { BY_NAME, DownloadError, fileError, stoppable, type Interrupted } from "./errors.ts";
import { exclusively } from "./exclusively.ts";
import { downloadModel, type DownloadedModel } from "./hub/download.ts";
import { isHubName, type HubName } from "./hub/names.ts";
import type { HubDownloadOptions } from "./hub/options.ts";
import { PartFile } from "./partFile.ts";
import { PUBLISHED, type PublishedName } from "./published.ts";
import { contentsOf, forgetRecord } from "./record.ts";
import { persist } from "./retries.ts";
import { checkTorchArchive, ZIP_MAGIC } from "./torchArchive.ts";
import { transfer, type TransferOptions } from "./transfer.ts";

export interface DownloadedCheckpoint {
  readonly name: PublishedName;
  /** The absolute path of the file. */
  readonly path: string;
  readonly bytes: number;
  /**
   * The SHA-256 of the file here, in hexadecimal. The authors published none to compare it with.
   */
  readonly sha256: string;
  /** Whether this call fetched the file; false where it was there already. */
  readonly downloaded: boolean;
}

/**
 * The most bytes of a file, for answers that do not tell their length; the published checkpoints
 * have some 1.4e9.
 */
const LARGEST_FILE = 16e9;

/**
 * Downloads a published checkpoint, or finds the one that is there.
 * @throws OptionError; DownloadError `download_interrupted` (the same call goes on from there),
 * `download_refused`, `download_busy`, `checkpoint_invalid`, `output_failed`; AbortedError.
 */
export function downloadCheckpoint(
  name: PublishedName,
  options?: DownloadOptions,
): Promise<DownloadedCheckpoint>;
/**
 * Downloads a model of the Hugging Face hub into the hub's cache, or finds the one that is there:
 * its configuration, its tokenizer and its weights as safetensors.
 * @param name OWNER/NAME, such as `kuleshov-group/mdlm-owt`.
 * @throws as above; `checkpoint_invalid` where a file does not have the hash that the hub tells.
 */
export function downloadCheckpoint(
  name: HubName,
  options?: HubDownloadOptions,
): Promise<DownloadedModel>;
export async function downloadCheckpoint(
  name: PublishedName | HubName,
  options: DownloadOptions | HubDownloadOptions = {},
): Promise<DownloadedCheckpoint | DownloadedModel> {
  if (isHubName(name)) return downloadModel(name, options);
  const job = resolveJob(name, options);
  return stoppable(job, async () => {
    // This comes before anything is written: the file may lie where only others may write.
    if (!job.force && (await isThere(job.path))) return found(job);
    await makeDirectory(job.dir);
    return exclusively(job.path, () => obtain(job));
  });
}

async function obtain(job: Job): Promise<DownloadedCheckpoint> {
  const { name, path } = job;
  // Another process may have fetched it by now.
  if ((await isThere(path)) && !job.force) return found(job);
  await fetchWhole(job);
  return { name, path, ...(await contentsOf(job)), downloaded: true };
}

async function found(job: Job): Promise<DownloadedCheckpoint> {
  const { name, path } = job;
  await checkTorchArchive(path, "Fetch it again with the option `force`.");
  return { name, path, ...(await contentsOf(job)), downloaded: false };
}

/** Fetches the file until it is whole, checked and has its name. */
async function fetchWhole(job: Job): Promise<void> {
  const { driveId } = PUBLISHED[job.name];
  const part = await PartFile.open(job.path, driveId);
  try {
    await fetchAll(job, part);
    await part.close();
  } catch (error) {
    await part.close();
    throw error;
  }
  try {
    await checkTorchArchive(part.path, "What came was removed: run the same command again.");
  } catch (error) {
    // A file that could not be looked at may still be whole.
    if (error instanceof DownloadError && error.code === "checkpoint_invalid") await part.remove();
    throw error;
  }
  await forgetRecord(job.path);
  await part.publish();
}

async function fetchAll(job: Job, part: PartFile): Promise<void> {
  const { name, url, signal, stallMs } = job;
  const { driveId } = PUBLISHED[name];
  const remedy = byHand(driveId, job.path);
  const request: TransferOptions["request"] = (headers, patience) =>
    requestFile(new URL(url), headers, remedy, patience);
  const onBytes = (): void => {
    job.onProgress({ stage: "download", done: part.size, total: part.identity.total });
  };
  const shape = { mostBytes: LARGEST_FILE, magic: ZIP_MAGIC };
  await persist(
    job,
    () => transfer(part, { request, remedy, ...shape, stallMs, signal, onBytes }),
    (cause) => brokeOff(job, part, cause),
    () => part.size,
  );
}

function brokeOff({ name }: Job, part: PartFile, cause: Interrupted): DownloadError {
  const { size, identity } = part;
  const of = identity.total === undefined ? "" : ` of ${bytesText(identity.total)}`;
  return new DownloadError(
    "download_interrupted",
    `The download of ${name} broke off after ${bytesText(size)}${of}: ${cause.message}`,
    `Run the same command again (\`npx remdm checkpoints download ${name}\`); it goes on from there.`,
    cause,
  );
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (cause) {
    throw fileError(dir, cause);
  }
}

/** Whether the file exists. @throws DownloadError output_failed for a path that is not a file. */
async function isThere(path: string): Promise<boolean> {
  let isFile: boolean;
  try {
    isFile = (await stat(path)).isFile();
  } catch (cause) {
    if (isRecord(cause) && cause.code === "ENOENT") return false;
    throw fileError(path, cause, "read");
  }
  if (isFile) return true;
  throw new DownloadError(
    "output_failed",
    `${path} is not a file`,
    `Move it away, or name another directory ${BY_NAME}.`,
  );
}
