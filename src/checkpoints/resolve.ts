/** From the name that a user gives a checkpoint to the place where it lies. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { hubRemedy } from "./hub.ts";
import { BUNDLED_NAMES, bundledDirectory, checkpointFile, isPublishedName } from "./published.ts";

export interface CheckpointPlace {
  /** Absolute; whether anything is there is the caller's to look. */
  readonly path: string;
  /** What to do when nothing is. */
  readonly remedy: string;
}

/**
 * A bundled name (`demo`) is the directory in this package. A published name (`mdlm`, `sedd`, `ar`) is the downloaded file,
 * unless the current directory has something of that name. Everything else is a path.
 */
export function resolveCheckpoint(checkpoint: string): CheckpointPlace {
  if (BUNDLED_NAMES.includes(checkpoint)) {
    return {
      path: bundledDirectory(checkpoint),
      remedy: `This installation lacks the model ${checkpoint}: install the package again, or name a checkpoint of your own.`,
    };
  }
  if (isPublishedName(checkpoint) && !existsSync(checkpoint)) {
    return {
      path: checkpointFile(checkpoint),
      remedy: `Run \`npx remdm checkpoints download ${checkpoint}\`, or give the path of a file that you have.`,
    };
  }
  return {
    path: resolve(checkpoint),
    remedy:
      hubRemedy(checkpoint) ??
      "Check the path, or use the checkpoint `demo` that comes with the package.",
  };
}
