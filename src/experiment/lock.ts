/** One experiment at a time in a directory: a file that names the process; that of a process that is gone is taken over. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { ExperimentError } from "./errors.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Tells a process from a later one of the same number, where the system says; else empty. */
  readonly started: string;
}

export class Lock implements Disposable {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** @throws ExperimentError experiment_busy. */
  static take(directory: string): Lock {
    const path = join(directory, "lock");
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    const text = JSON.stringify(owner);
    for (let attempt = 0; attempt < 10; attempt++) {
      if (create(path, text)) return new Lock(path, text);
      removeStale(path, directory);
    }
    throw busy(directory, "others that come and go");
  }

  /** Leaves the lock of somebody else alone. */
  [Symbol.dispose](): void {
    if (read(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

/** A link appears with its contents, where a file that is opened is empty at first. */
function create(path: string, text: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, text);
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

function removeStale(path: string, directory: string): void {
  const text = read(path);
  if (text === undefined) return;
  const owner = ownerIn(text);
  if (owner !== undefined && mayLive(owner)) {
    const where = owner.host === hostname() ? "" : ` on ${owner.host}`;
    throw busy(directory, `process ${owner.pid}${where}`, owner.host !== hostname());
  }
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // somebody was faster
    throw error;
  }
  // Between reading and moving, somebody may have taken it over: then it is theirs again.
  if (read(aside) === text) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

function busy(directory: string, whom: string, elsewhere = false): ExperimentError {
  return new ExperimentError(
    "experiment_busy",
    `${directory} is in use by ${whom}`,
    elsewhere
      ? `Wait for it, or use another directory; if it has ended, delete ${join(directory, "lock")}.`
      : "Wait for it, stop it, or use another directory.",
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined; // the second from /proc
    throw error;
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Owner>;
    if (!Number.isSafeInteger(pid) || Number(pid) <= 0) return undefined;
    return { pid: Number(pid), host: String(host), started: String(started) };
  } catch {
    return undefined; // not ours: nobody who lives wrote it
  }
}

/** Of another machine nothing can be said, so it may. */
function mayLive({ pid, host, started }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return started === "" || startOf(pid) === started;
}

/** Ticks since boot, field 22; the second field may hold spaces and parentheses. */
function startOf(pid: number): string {
  if (process.platform !== "linux") return "";
  const text = read(`/proc/${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
