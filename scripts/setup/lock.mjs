/** One set-up at a time: `npm start` and `npm test` may be started together. */
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./say.mjs";

const POLL_MS = 250;
/** The holder touches its lock this often; process ids alone are used again, in containers at once. */
const TOUCH_MS = 5_000;
const STALE_MS = 60_000;

/**
 * @template T
 * @param {string} home
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function exclusively(home, work) {
  mkdirSync(home, { recursive: true });
  const path = join(home, "setup.lock");
  let announced = false;
  while (!take(path)) {
    const holder = readHolder(path);
    if (holder === "gone") {
      discard(path);
      continue;
    }
    if (!announced) {
      say(
        `Another set-up is at work${holder === null ? "" : ` (process ${holder})`}; waiting for it.`,
      );
      announced = true;
    }
    await sleep(POLL_MS);
  }
  const touching = setInterval(() => utimesSync(path, new Date(), new Date()), TOUCH_MS);
  const release = () => {
    clearInterval(touching);
    rmSync(path, { force: true });
  };
  process.once("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.removeListener("exit", release);
  }
}

/** @param {string} path */
function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {number | null | "gone"} the process that holds the lock; null: not known yet
 */
function readHolder(path) {
  let pid;
  let age;
  try {
    pid = Number(readFileSync(path, "utf8") || Number.NaN);
    age = Date.now() - statSync(path).mtimeMs;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return null;
    throw error;
  }
  if (age > STALE_MS || pid === process.pid) return "gone";
  if (!Number.isInteger(pid)) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM" ? pid : "gone";
  }
}

/**
 * Removes the lock of a dead process. Moved away first and looked at again: between our look and the
 * move another set-up may have done the same and taken the lock.
 * @param {string} path
 */
function discard(path) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return;
    throw error;
  }
  if (readHolder(aside) === "gone") rmSync(aside, { force: true });
  else renameSync(aside, path);
}
