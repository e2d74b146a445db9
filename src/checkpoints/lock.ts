/** One download of a file at a time, over all processes that share a directory. */
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { isRecord } from "../sampler/checks.ts";
import { DownloadError, fileError } from "./errors.ts";

/** The holder touches its lock this often. */
const TOUCH_MS = 5_000;
/** Untouched for so long, a lock is a dead process's: another machine's process cannot be asked. */
const STALE_MS = 60_000;

/** Locks of this process: its id alone may be that of one that is gone, in containers above all. */
const held = new Set<string>();

/**
 * Does `work` while no other process does the like for the same file.
 * @throws DownloadError download_busy, output_failed; what `work` throws.
 */
export async function exclusively<T>(file: string, work: () => Promise<T>): Promise<T> {
  const path = `${file}.lock`;
  if (held.has(path)) throw busy(file, "This process");
  for (let tries = 0; !take(path); tries++) {
    const holder = holderOf(path);
    if (holder !== undefined || tries > 2) throw busy(file, `Another process${holder ?? ""}`);
    discard(path);
  }
  held.add(path);
  const touching = setInterval(() => {
    touch(path);
  }, TOUCH_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    held.delete(path);
    rmSync(path, { force: true });
  }
}

function busy(file: string, who: string): DownloadError {
  return new DownloadError(
    "download_busy",
    `${who} is downloading ${file} already`,
    "Wait until it has finished, or end it and run this again.",
  );
}

function take(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw fileError(path, cause);
  }
}

/** @returns who holds it, as text to follow "process"; undefined when the holder is gone. */
function holderOf(path: string): string | undefined {
  try {
    const age = Date.now() - statSync(path).mtimeMs;
    if (age > STALE_MS) return undefined;
    const { pid, host } = readHolder(path);
    if (pid === undefined) return ""; // it is just being written
    if (host !== hostname()) return ` (${pid} on ${host ?? "another machine"})`;
    return pid !== process.pid && isAlive(pid) ? ` (${pid})` : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw fileError(path, error);
  }
}

function readHolder(path: string): { pid?: number; host?: string } {
  const text = readFileSync(path, "utf8");
  if (text === "") return {};
  const holder: unknown = JSON.parse(text);
  if (!isRecord(holder)) return {};
  const { pid, host } = holder;
  return {
    ...(typeof pid === "number" && { pid }),
    ...(typeof host === "string" && { host }),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Removes a dead holder's lock. Moved away first and looked at again: another process may have been faster. */
function discard(path: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw fileError(path, error);
  }
  if (holderOf(aside) === undefined) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error; // somebody tidied up
  }
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error.code : undefined;
}
