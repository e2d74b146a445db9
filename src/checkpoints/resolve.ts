/** Finds the place of a checkpoint from the name or path that a user gives. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { cachedModel, downloadedModel, hubRemedy } from "./hub/names.ts";
import { BUNDLED_NAMES, bundledDirectory, checkpointFile, isPublishedName } from "./published.ts";

export interface CheckpointPlace {
  /** An absolute path; nothing need be there. */
  readonly path: string;
  /** What to do when nothing is there. */
  readonly remedy: string;
}

/** The parts of the error that says why nothing can be loaded from a place. */
export interface CheckpointFault {
  readonly code: "checkpoint_missing" | "checkpoint_unsupported";
  readonly message: string;
  readonly remedy: string;
}

/**
 * Turns a name into a place. A bundled name (`demo`) is the directory in this package. A published
 * name (`mdlm`, `sedd`, `ar`) is the downloaded file, unless the current directory has something of
 * that name. A name on the Hugging Face hub (`OWNER/NAME`, `OWNER/NAME@REVISION`) with nothing at
 * it as a path is the model in the hub's cache, where there is one. Everything else is a path.
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
  const path = resolve(checkpoint);
  return {
    path: existsSync(path) ? path : (downloadedModel(checkpoint) ?? path),
    remedy:
      hubRemedy(checkpoint) ??
      "Check the path, or use the checkpoint `demo` that comes with the package.",
  };
}

/**
 * Resolves a name and looks at its place. The caller throws the fault as an error of its own kind.
 */
export function locateCheckpoint(checkpoint: string): {
  readonly path: string;
  readonly fault?: CheckpointFault;
} {
  const { path, remedy } = resolveCheckpoint(checkpoint);
  const cached = cachedModel(path);
  if (cached !== undefined) {
    const fault: CheckpointFault = {
      code: "checkpoint_unsupported",
      message: `${path} is a directory of Hugging Face's cache and not a model: its models lie in snapshots`,
      remedy:
        cached.snapshot === undefined
          ? "It has none: download the model again."
          : `Name the directory of the snapshot: ${cached.snapshot}`,
    };
    return { path, fault };
  }
  if (existsSync(path)) return { path };
  const message = `There is no checkpoint at ${path}`;
  return { path, fault: { code: "checkpoint_missing", message, remedy } };
}
