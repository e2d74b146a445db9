/** Makes a private directory for one backend's socket, which is removed when the backend ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackendError } from "../errors.ts";

export interface SocketDirectory {
  readonly path: string;
  /** The `ipc://` address of a socket in it. */
  readonly endpoint: string;
  /** Removes the directory with all that is in it. It may be called any number of times. */
  remove(): void;
}

/** The longest path of a Unix domain socket, in bytes: `sun_path` without its terminating zero. */
export const MAX_SOCKET_PATH_BYTES = process.platform === "darwin" ? 103 : 107;
const SOCKET_NAME = "backend.sock";
/** How many characters mkdtemp adds to the prefix. */
const RANDOM_CHARACTERS = 6;

/**
 * The directories that exist now. This process removes them even when it is told to exit at once.
 */
const open = new Set<string>();

/**
 * Makes a directory of mode 0700 in the system's directory for temporary files, or in /tmp where
 * that path is too long.
 * @throws BackendError backend_start_failed when no directory can be made.
 */
export function makeSocketDirectory(
  parents: readonly string[] = [tmpdir(), "/tmp"],
): SocketDirectory {
  const parent = parents.find(leavesRoom);
  if (parent === undefined) {
    throw noPlace(
      `the paths are longer than ${MAX_SOCKET_PATH_BYTES} bytes: ${parents.join(", ")}`,
    );
  }
  try {
    return directoryAt(mkdtempSync(join(parent, "remdm-"))); // mkdtemp makes it 0700
  } catch (cause) {
    throw noPlace(String(cause), cause);
  }
}

function leavesRoom(parent: string): boolean {
  const path = join(parent, `remdm-${"X".repeat(RANDOM_CHARACTERS)}`, SOCKET_NAME);
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

function directoryAt(path: string): SocketDirectory {
  if (open.size === 0) process.on("exit", removeAll);
  open.add(path);
  return {
    path,
    endpoint: `ipc://${join(path, SOCKET_NAME)}`,
    remove() {
      rmSync(path, { recursive: true, force: true });
      open.delete(path);
      if (open.size === 0) process.off("exit", removeAll);
    },
  };
}

function removeAll(): void {
  for (const path of open) rmSync(path, { recursive: true, force: true });
}

function noPlace(why: string, cause?: unknown): BackendError {
  return new BackendError(
    "backend_start_failed",
    `No directory for the backend's socket can be made: ${why}`,
    "Set TMPDIR to a directory with a short path that you can write to.",
    cause,
  );
}
