/**
 * Reads and writes the Hugging Face hub's cache, in the layout that Python's huggingface_hub has:
 *
 *     models--OWNER--NAME/blobs/ETAG                 the contents: a SHA-256, or git's SHA-1
 *     models--OWNER--NAME/snapshots/COMMIT/FILE      a link to ../../blobs/ETAG
 *     models--OWNER--NAME/refs/REVISION              the commit of a branch or tag
 */
import { randomUUID } from "node:crypto";
import { constants, existsSync, readFileSync, statSync } from "node:fs";
import { copyFile, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isRecord } from "../../foundation/checks.ts";
import { expandHome, userCache } from "../../foundation/home.ts";
import { DownloadError, fileError } from "../errors.ts";
import { DESCRIPTIONS, INDEX, shardsOf, WEIGHTS } from "./files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the directory of the hub's settings, `HF_HOME`, else `huggingface` in the user's cache;
 * undefined for a user without a home directory.
 */
export function hubHome(env: Environment = process.env): string | undefined {
  if (env.HF_HOME) return resolve(expandHome(env.HF_HOME));
  const cache = userCache(env);
  return cache === undefined ? undefined : resolve(cache, "huggingface");
}

/**
 * Returns the directory of the cache: `HF_HUB_CACHE`, else `hub` in the directory of the settings;
 * undefined for a user without a home directory. It need not exist.
 */
export function hubCache(env: Environment = process.env): string | undefined {
  const named = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  if (named) return resolve(expandHome(named));
  const home = hubHome(env);
  return home === undefined ? undefined : join(home, "hub");
}

/** A model's directory in the cache. */
export class CachedRepository {
  /** The directory; it need not exist. */
  readonly path: string;
  readonly #link: typeof symlink;

  /**
   * @param name OWNER/NAME, checked.
   * @param link makes a symbolic link, where the file system can.
   */
  constructor(cache: string, name: string, link = symlink) {
    this.path = join(cache, `models--${name.replace("/", "--")}`);
    this.#link = link;
  }

  blob(etag: string): string {
    return join(this.path, "blobs", etag);
  }

  snapshot(commit: string): string {
    return join(this.path, "snapshots", commit);
  }

  /**
   * Returns the commit that a revision stood for when it was last fetched, if it ever was.
   * @throws DownloadError output_failed when the cache cannot be read.
   */
  commitOf(revision: string): string | undefined {
    const ref = join(this.path, "refs", revision);
    try {
      if (statSync(ref, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
      const commit = readFileSync(ref, "utf8").trim();
      return isCommit(commit) ? commit : undefined;
    } catch (cause) {
      throw fileError(ref, cause, "read");
    }
  }

  /**
   * Returns the commit of a revision whose snapshot has all that a model needs; undefined where
   * there is none.
   * @param revision a branch or tag as it was when it was fetched, or the 40 digits of a commit.
   */
  find(revision: string): string | undefined {
    const commit = isCommit(revision) ? revision : this.commitOf(revision);
    return commit !== undefined && isWhole(this.snapshot(commit)) ? commit : undefined;
  }

  /** Makes the directories of a commit. @throws DownloadError output_failed. */
  async make(commit: string): Promise<void> {
    for (const directory of [join(this.path, "blobs"), this.snapshot(commit)]) {
      await written(directory, () => mkdir(directory, { recursive: true }));
    }
  }

  /**
   * Gives a blob its name in a snapshot; where the file system has no links, a copy.
   * @throws DownloadError output_failed.
   */
  async place(etag: string, commit: string, name: string): Promise<void> {
    const file = join(this.snapshot(commit), name);
    await this.#replace(file, async (aside) => {
      try {
        await this.#link(join("..", "..", "blobs", etag), aside);
      } catch (error) {
        if (!isRecord(error) || !NO_LINKS.has(error.code)) throw error;
        await copyFile(this.blob(etag), aside, constants.COPYFILE_FICLONE);
      }
    });
  }

  /** Records the commit that a revision stands for. @throws DownloadError output_failed. */
  async record(revision: string, commit: string): Promise<void> {
    const ref = join(this.path, "refs", revision);
    await written(ref, () => mkdir(dirname(ref), { recursive: true }));
    await this.#replace(ref, (aside) => writeFile(aside, commit));
  }

  /** Makes a file elsewhere in the directory and moves it into place, so that none sees it half. */
  async #replace(path: string, make: (aside: string) => Promise<void>): Promise<void> {
    const aside = join(this.path, `${randomUUID()}.part`);
    await written(path, async () => {
      try {
        await make(aside);
        await rename(aside, path);
      } finally {
        await rm(aside, { force: true });
      }
    });
  }
}

/** The error codes of file systems, and users, without symbolic links. */
const NO_LINKS = new Set<unknown>(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

async function written(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw fileError(path, cause);
  }
}

/** Whether a text is the full name of a commit. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/**
 * Whether all files of a model are in a snapshot. Its directory says nothing: both Python and we
 * make it before the first file has come.
 * @throws DownloadError output_failed when the index cannot be read.
 */
export function isWhole(snapshot: string): boolean {
  const has = (name: string): boolean => existsSync(join(snapshot, name));
  if (!DESCRIPTIONS.some(has)) return false;
  if (has(WEIGHTS)) return true;
  return has(INDEX) && (readShards(join(snapshot, INDEX))?.every(has) ?? false);
}

/**
 * Returns the files that an index names; undefined for a file that is not an index.
 * @throws DownloadError output_failed when it cannot be read.
 */
export function readShards(index: string): readonly string[] | undefined {
  try {
    return shardsOf(readFileSync(index, "utf8"));
  } catch (cause) {
    throw fileError(index, cause, "read");
  }
}

/** Returns the cache. @throws DownloadError output_failed for a user without a home directory. */
export function requireHubCache(): string {
  const cache = hubCache();
  if (cache !== undefined) return cache;
  throw new DownloadError(
    "output_failed",
    "There is no place for models of the hub: this user has no home directory",
    "Set HF_HUB_CACHE to a directory for them, or HOME to one that you may write to.",
  );
}
