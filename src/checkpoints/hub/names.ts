/**
 * Recognises what is given for a checkpoint and belongs to the Hugging Face hub: a model's name
 * there, and directories of its cache.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { OptionError } from "../../foundation/errors.ts";
import { fileError } from "../errors.ts";
import { CachedRepository, hubCache, isWhole } from "./cache.ts";

/** OWNER/NAME of a model on the hub, such as `kuleshov-group/mdlm-owt`. */
export type HubName = `${string}/${string}`;

/** Whether a text is a model's name on the hub, which allows no `--` and no `..` in it. */
export function isHubName(name: unknown): name is HubName {
  return typeof name === "string" && /^\w[\w.-]*\/\w[\w.-]*$/.test(name) && !/--|\.\./.test(name);
}

/** Checks a model's name on the hub. @throws OptionError. */
export function checkHubName(name: unknown): HubName {
  if (isHubName(name)) return name;
  throw new OptionError("name", name, "OWNER/NAME of a model on the Hugging Face hub");
}

/**
 * Takes OWNER/NAME or OWNER/NAME@REVISION apart; the revision is `main` where none is named.
 * Returns undefined for what is neither.
 */
function revisionOf(text: string): { name: HubName; revision: string } | undefined {
  const at = text.indexOf("@");
  const [name, revision] = at < 0 ? [text, "main"] : [text.slice(0, at), text.slice(at + 1)];
  return isHubName(name) && isRevision(revision) ? { name, revision } : undefined;
}

/** Whether a text may name a branch, a tag or a commit, as a file that stays in its directory. */
export function isRevision(text: string): boolean {
  return text.split("/").every((part) => /^\w[\w.+-]*$/.test(part) && !part.includes(".."));
}

/**
 * Returns the directory of a model that was downloaded from the hub: the whole snapshot of the
 * revision that is named, else of `main`. It returns undefined where there is none.
 * @param text OWNER/NAME or OWNER/NAME@REVISION: a branch or tag as it was when it was fetched, or
 *   the 40 digits of a commit.
 */
export function downloadedModel(text: string): string | undefined {
  const { name, revision } = revisionOf(text) ?? {};
  const repository = name && repositoryOf(name);
  if (repository === undefined || revision === undefined) return undefined;
  const commit = repository.find(revision);
  return commit === undefined ? undefined : repository.snapshot(commit);
}

/** A model of the hub that can be named as a checkpoint. */
export interface CachedName {
  readonly name: HubName;
  /** The directory of its revision `main`. */
  readonly path: string;
}

/**
 * Lists the models in the hub's cache whose revision `main` has all that a model needs. Loading
 * says whether their kind is one that remdm has.
 * @throws DownloadError output_failed when the cache may not be read.
 */
export function downloadedModels(): readonly CachedName[] {
  const cache = hubCache();
  if (cache === undefined || !existsSync(cache)) return [];
  return directoriesIn(cache).flatMap((directory) => {
    const [kind, owner = "", model = "", ...rest] = directory.split("--");
    const name = `${owner}/${model}` as const;
    const path = kind === "models" && rest.length === 0 ? downloadedModel(name) : undefined;
    return path === undefined ? [] : [{ name, path }];
  });
}

function directoriesIn(cache: string): readonly string[] {
  try {
    return readdirSync(cache).sort();
  } catch (cause) {
    throw fileError(cache, cause, "read");
  }
}

function repositoryOf(name: HubName): CachedRepository | undefined {
  const cache = hubCache();
  return cache === undefined ? undefined : new CachedRepository(cache, name);
}

/**
 * Returns what to do where a path with nothing at it is rather a name on the hub, such as
 * `kuleshov-group/mdlm-owt`; else undefined.
 * @param base the directory that the path starts from.
 */
export function hubRemedy(text: string, base: string = process.cwd()): string | undefined {
  const [owner = ""] = text.split("/");
  const isFile = /\.(ckpt|safetensors|pt|pth|bin|json|gguf)$/i.test(text);
  const named = revisionOf(text);
  if (named === undefined || isFile || existsSync(resolve(base, owner))) return undefined;
  const { name, revision } = named;
  const repository = repositoryOf(name);
  const other = repository && cachedModel(repository.path)?.snapshot;
  const instead =
    other !== undefined && isWhole(other) ? `, name ${other}, which is another revision` : "";
  const pinned = revision === "main" ? "" : ` --revision ${revision}`;
  return `Run \`npx remdm checkpoints download ${name}${pinned}\`, which fetches it from the Hugging Face hub${instead}, or check the path.`;
}

/**
 * A model in the cache, which keeps it as `models--OWNER--NAME` with its revisions in `snapshots`.
 */
export interface CachedModel {
  /**
   * The directory of the revision that the cache calls main, or else of another; undefined where
   * there is none.
   */
  readonly snapshot: string | undefined;
}

/**
 * Returns the model that a directory of the cache holds; undefined for a snapshot, and for a
 * directory outside the cache.
 */
export function cachedModel(path: string): CachedModel | undefined {
  const root = basename(path) === "snapshots" ? dirname(path) : path;
  const snapshots = join(root, "snapshots");
  if (!basename(root).startsWith("models--") || !existsSync(snapshots)) return undefined;
  const main = join(root, "refs", "main");
  const named = existsSync(main) ? readFileSync(main, "utf8").trim() : "";
  const [first] = readdirSync(snapshots).filter((name) => !name.startsWith("."));
  const found = [named, first].find((one) => one && existsSync(join(snapshots, one)));
  return { snapshot: found === undefined ? undefined : join(snapshots, found) };
}
