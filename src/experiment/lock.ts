/** One experiment at a time in a directory: a file that names the process; that of a process that is gone is taken over. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRecord } from "../sampler/checks.ts";
import { ExperimentError } from "./errors.ts";
import { attempt } from "./files.ts";

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

  /**
   * @param link makes a second name for a file, where the file system can.
   * @throws ExperimentError experiment_busy, or experiment_differs for a lock that is none of ours; RemdmError output_failed.
   */
  static take(directory: string, link: Link = linkSync): Lock {
    const path = join(directory, "lock");
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    const text = JSON.stringify(owner);
    for (let tries = 0; tries < 10; tries++) {
      if (attempt(path, () => create(path, text, link))) return new Lock(path, text);
      attempt(path, () => removeStale(path, directory, link));
    }
    throw busy(directory, "others that come and go");
  }

  /** Leaves the lock of somebody else alone. */
  [Symbol.dispose](): void {
    if (read(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

type Link = (existing: string, path: string) => void;

/** What file systems without hard links answer. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/** A link appears with its contents, where a file that is opened is empty at first. @returns false when there is a lock already. */
function create(path: string, text: string, link: Link): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, text);
  try {
    return isDone(() => link(own, path));
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    return isDone(() => writeFileSync(path, text, { flag: "wx" }));
  } finally {
    rmSync(own, { force: true });
  }
}

function isDone(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}

function removeStale(path: string, directory: string, link: Link): void {
  const text = read(path);
  if (text === undefined) return;
  const owner = ownerIn(text);
  if (owner === undefined) {
    throw new ExperimentError(
      "experiment_differs",
      `${path} is no lock that remdm wrote`,
      "Use another output directory; or, if you know that nobody needs that file, delete it.",
    );
  }
  if (mayLive(owner)) {
    const where = owner.host === hostname() ? "" : ` on ${owner.host}`;
    throw busy(directory, `process ${owner.pid}${where}`, owner.host !== hostname());
  }
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return; // somebody was faster
    throw error;
  }
  const moved = read(aside) ?? text;
  rmSync(aside, { force: true });
  // Between reading and moving, somebody may have taken it over: then it is theirs again, unless a third one has it by now.
  if (moved === text || create(path, moved, link)) return;
  throw busy(directory, "others that come and go");
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
    if (["ENOENT", "ESRCH"].includes(codeOf(error))) return undefined; // the second from /proc
    throw error;
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value)) return undefined;
    const { pid, host, started } = value;
    if (!Number.isSafeInteger(pid) || Number(pid) <= 0) return undefined;
    if (typeof host !== "string" || typeof started !== "string") return undefined;
    return { pid: Number(pid), host, started };
  } catch {
    return undefined; // no JSON, so none of ours
  }
}

/** Of another machine nothing can be said, so it may. */
function mayLive({ pid, host, started }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return started === "" || startOf(pid) === started;
}

/** Ticks since boot, field 22; the second field may hold spaces and parentheses. */
function startOf(pid: number): string {
  if (process.platform !== "linux") return "";
  const text = read(`/proc/${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}
