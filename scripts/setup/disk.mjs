/** Looks for room before gigabytes are fetched, not after. */
import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { SetupProblem } from "./problem.mjs";

/** @typedef {(path: string) => { bavail: number, bsize: number }} Statfs */

/**
 * @param {string} path where it goes; need not exist yet
 * @param {number} bytes
 * @param {string} what
 * @param {Statfs} [statfs]
 */
export function requireSpace(path, bytes, what, statfs = statfsSync) {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = statfs(existing);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new SetupProblem(
    `${what} needs about ${gigabytes(bytes)} of disk, and ${existing} has ${gigabytes(free)} left.`,
    "Free some space on that disk, then run this again.",
  );
}

/** @param {number} bytes */
function gigabytes(bytes) {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
