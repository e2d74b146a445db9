/**
 * Keeps the part of a file that has arrived: `FILE.part`, and beside it `FILE.part.json`, which
 * says what file on the server it is a part of.
 */
import { open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { isRecord } from "../foundation/checks.ts";
import { jsonOrNothing } from "../foundation/json.ts";
import { fileError } from "./errors.ts";
import { partOf } from "./published.ts";

/** How the server tells its file from others; a fact that it did not tell is undefined. */
export interface Identity {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** How many bytes the whole file has. */
  readonly total: number | undefined;
}

const UNKNOWN: Identity = { etag: undefined, lastModified: undefined, total: undefined };

export class PartFile {
  readonly path: string;
  readonly #target: string;
  readonly #source: string;
  #file: FileHandle | undefined;
  #size = 0;
  #identity: Identity = UNKNOWN;

  private constructor(target: string, source: string) {
    this.path = partOf(target);
    this.#target = target;
    this.#source = source;
  }

  /**
   * Opens the part, and goes on with the bytes that lie there if they are known to be of the same
   * file.
   * @param target the path of the whole file.
   * @param source the file's id on the server.
   * @throws DownloadError output_failed.
   */
  static async open(target: string, source: string): Promise<PartFile> {
    const part = new PartFile(target, source);
    try {
      const identity = await readIdentity(part.#notes, source);
      const size = (await stat(part.path).catch(ignoreMissing))?.size ?? 0;
      const resumes = identity !== undefined && size > 0;
      part.#file = await open(part.path, resumes ? "r+" : "w");
      if (resumes) [part.#size, part.#identity] = [size, identity];
    } catch (cause) {
      throw fileError(part.path, cause);
    }
    return part;
  }

  /** How many bytes are in it. */
  get size(): number {
    return this.#size;
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Empties the part, to begin the file of this identity. @throws DownloadError output_failed. */
  async begin(identity: Identity): Promise<void> {
    try {
      if (this.#size > 0) await this.#handle.truncate(0);
      this.#size = 0;
      this.#identity = identity;
      await writeFile(this.#notes, JSON.stringify({ source: this.#source, ...identity }));
    } catch (cause) {
      throw fileError(this.path, cause);
    }
  }

  /** Appends bytes. @throws DownloadError output_failed; bytes that were written before stay. */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.#handle.write(bytes, done, undefined, this.#size);
        done += bytesWritten;
        this.#size += bytesWritten;
      }
    } catch (cause) {
      throw fileError(this.path, cause);
    }
  }

  /**
   * Closes the file when its bytes are on the disk. It may be called any number of times. @throws
   * DownloadError output_failed.
   */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      // An empty file is of no use, and a device has nothing to synchronise.
      if (this.#size > 0) await file.sync();
    } catch (cause) {
      throw fileError(this.path, cause);
    } finally {
      await file.close();
    }
    if (this.#size === 0) await this.remove();
  }

  /** Gives the whole file its name. @throws DownloadError output_failed. */
  async publish(): Promise<void> {
    try {
      await rename(this.path, this.#target);
      await rm(this.#notes, { force: true });
    } catch (cause) {
      throw fileError(this.#target, cause);
    }
  }

  /** Removes the part. @throws DownloadError output_failed. */
  async remove(): Promise<void> {
    try {
      await rm(this.path, { force: true });
      await rm(this.#notes, { force: true });
    } catch (cause) {
      throw fileError(this.path, cause);
    }
  }

  get #notes(): string {
    return `${this.path}.json`;
  }

  get #handle(): FileHandle {
    if (this.#file === undefined) throw new Error(`${this.path} is closed`);
    return this.#file;
  }
}

/**
 * Reads the identity of a part; undefined when nothing reliable is known, and the download begins
 * again.
 */
async function readIdentity(path: string, source: string): Promise<Identity | undefined> {
  const text = await readFile(path, "utf8").catch(ignoreMissing);
  if (text === undefined) return undefined;
  const notes = jsonOrNothing(text); // a crash may have cut them short
  if (!isRecord(notes) || notes.source !== source) return undefined;
  const { etag, lastModified, total } = notes;
  return {
    etag: typeof etag === "string" ? etag : undefined,
    lastModified: typeof lastModified === "string" ? lastModified : undefined,
    total: typeof total === "number" ? total : undefined,
  };
}

function ignoreMissing(error: unknown): undefined {
  if (isRecord(error) && error.code === "ENOENT") return undefined;
  throw error;
}
