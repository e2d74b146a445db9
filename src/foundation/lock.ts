/**
 * A lock lets one process work at a time. It is a file that names its process; the lock of a
 * process that is gone is taken over.
 */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { isRecord } from "./checks.ts";
import { jsonOrNothing } from "./json.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /**
   * When the process started, which tells it from a later one of the same number; empty where the
   * system does not say.
   */
  readonly started: string;
}

/** Says who has the lock. */
export interface Holder {
  /** Names the process: "this process", "process 12", "process 12 on elsewhere". */
  readonly who: string;
  /**
   * The number of the process; undefined when the lock names no process. Then the file is not a
   * lock of ours, or the lock has just passed on.
   */
  readonly pid?: number;
  /**
   * Whether this machine cannot tell if the process is still at work. Then a person decides, by
   * deleting the file.
   */
  readonly unsure: boolean;
}

type Link = (existing: string, path: string) => void;

/** How often to try to take a lock that others take over at the same moment. */
const TRIES = 10;
/** The error codes of file systems without hard links. */
const NO_LINKS = new Set<unknown>(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

export class Lock implements Disposable {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /**
   * Takes the lock, or throws.
   * @param busy makes the error for a lock that another process has.
   * @param link makes a second name for a file, where the file system can.
   * @throws the error that `busy` makes; the file system's errors as they are.
   */
  static take(path: string, busy: (holder: Holder) => Error, link: Link = linkSync): Lock {
    const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    // The id tells this lock from another lock of the same process.
    const text = JSON.stringify({ ...owner, id: randomUUID() });
    for (let tries = 0; tries < TRIES; tries++) {
      if (create(path, text, link)) return new Lock(path, text);
      const found = read(path);
      if (found === undefined) continue; // it has just gone
      const holder = holderIn(found);
      if (holder !== undefined) throw busy(holder);
      if (!removeStale(path, found, link)) break;
    }
    throw busy({ who: "others that come and go", unsure: false });
  }

  /** Gives the lock back; the lock of another process is left alone. */
  [Symbol.dispose](): void {
    if (read(this.#path) === this.#text) rmSync(this.#path, { force: true });
  }
}

/**
 * Creates the lock's file; returns false when there is a lock already. It is linked into place
 * because a link appears with its contents, while a file that is opened is empty at first.
 */
function create(path: string, text: string, link: Link): boolean {
  const own = `${path}.${randomUUID()}`;
  writeFileSync(own, text, { flag: "wx" });
  try {
    return unlessThere(() => {
      try {
        link(own, path);
      } catch (error) {
        if (!NO_LINKS.has(codeOf(error))) throw error;
        writeFileSync(path, text, { flag: "wx" });
      }
    });
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Removes the lock of a process that is gone; returns false when another process took it over
 * meanwhile and lost it to a third one.
 */
function removeStale(path: string, text: string, link: Link): boolean {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true; // somebody was faster
    throw error;
  }
  const moved = read(aside) ?? text;
  rmSync(aside, { force: true });
  // Between reading and moving, another process may have taken it over. Then it gets the lock back,
  // unless a third one has it by now.
  return moved === text || create(path, moved, link);
}

/** Returns the holder that a lock's text names, or undefined when its process is gone. */
function holderIn(text: string): Holder | undefined {
  const owner = ownerIn(text);
  if (owner === undefined) return { who: "something that wrote no lock of ours", unsure: true };
  const { pid, host, started } = owner;
  if (host !== hostname()) return { who: `process ${pid} on ${host}`, pid, unsure: true };
  if (!isAlive(pid) || (started !== "" && startOf(pid) !== started)) return undefined;
  return { who: pid === process.pid ? "this process" : `process ${pid}`, pid, unsure: false };
}

function ownerIn(text: string): Owner | undefined {
  const owner = jsonOrNothing(text);
  if (!isRecord(owner)) return undefined;
  const { pid, host, started } = owner;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (typeof host !== "string") return undefined;
  return { pid, host, started: typeof started === "string" ? started : "" };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/**
 * Returns when a process started, in ticks since boot: field 22 of its status. The second field may
 * hold spaces and parentheses.
 */
function startOf(pid: number): string {
  if (process.platform !== "linux") return "";
  const text = read(`/proc/${pid}/stat`) ?? "";
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ESRCH") return undefined; // the second from /proc
    throw error;
  }
}

/** Makes a file; returns false when it is there already. */
function unlessThere(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return isRecord(error) ? error.code : undefined;
}
