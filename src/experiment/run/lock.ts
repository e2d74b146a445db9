/** One experiment at a time in a directory. */
import { join } from "node:path";
import { Lock, type Holder } from "../../foundation/lock.ts";
import { ExperimentError } from "../errors.ts";
import { attempt } from "../../foundation/durableFiles.ts";

/** What a process that was killed while it took or took over the lock leaves beside it. */
export const LOCK_FILE = /^lock(\.[0-9a-f-]{36})?$/;

/**
 * @param link as {@link Lock.take} has it.
 * @throws ExperimentError experiment_busy, or experiment_differs for a lock that is none of ours; RemdmError output_failed.
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
