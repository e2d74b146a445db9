/** Lets one download of a file run at a time, over all processes that share a directory. */
import { Lock, type Holder } from "../foundation/lock.ts";
import { DownloadError, fileError } from "./errors.ts";

/**
 * Runs `work` while no other process does so for the same file.
 * @param lock the path of the lock.
 * @throws DownloadError download_busy, output_failed; what `work` throws.
 */
export async function exclusively<T>(
  file: string,
  work: () => Promise<T>,
  lock = `${file}.lock`,
): Promise<T> {
  const taken = take(file, lock);
  try {
    return await work();
  } finally {
    taken[Symbol.dispose]();
  }
}

function take(file: string, path: string): Lock {
  try {
    return Lock.take(path, (holder) => busy(file, path, holder));
  } catch (error) {
    throw error instanceof DownloadError ? error : fileError(path, error);
  }
}

function busy(file: string, lock: string, { who, unsure }: Holder): DownloadError {
  return new DownloadError(
    "download_busy",
    `${file} is being downloaded already, by ${who}`,
    unsure
      ? `Wait until it has finished; if nothing is at work there any more, delete ${lock}.`
      : "Wait until it has finished, or end it and run this again.",
  );
}
