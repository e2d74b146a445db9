/** Locks an output directory, so that one experiment works in it at a time. */
import { join } from "node:path";
import { Lock, type Holder } from "../../foundation/lock.ts";
import { ExperimentError } from "../errors.ts";
import { attempt } from "../../foundation/durableFiles.ts";

/** Names of the lock and of the files that a process killed while taking it leaves beside it. */
export const LOCK_FILE = /^lock(\.[0-9a-f-]{36})?$/;

/**
 * Takes the lock of a directory.
 * @param link as for {@link Lock.take}.
 * @throws ExperimentError experiment_busy, or experiment_differs for a lock that remdm did not
 *   write; RemdmError output_failed.
 */
export function lockDirectory(directory: string, link?: Parameters<typeof Lock.take>[2]): Lock {
  const path = join(directory, "lock");
  return attempt(path, () => Lock.take(path, (holder) => busy(directory, path, holder), link));
}

function busy(directory: string, path: string, { who, pid, unsure }: Holder): ExperimentError {
  if (unsure && pid === undefined) {
    return new ExperimentError(
      "experiment_differs",
      `${path} was not written by remdm`,
      "Use another output directory; or, if you know that nobody needs that file, delete it.",
    );
  }
  const whom = pid === process.pid && !unsure ? `process ${pid}` : who;
  return new ExperimentError(
    "experiment_busy",
    `${directory} is in use by ${whom}`,
    unsure
      ? `Wait for it, or use another directory; if it has ended, delete ${path}.`
      : "Wait for it, stop it, or use another directory.",
  );
}
