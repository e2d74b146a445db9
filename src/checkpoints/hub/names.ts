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
 * Returns the directory of a model that was downloaded from the hub: the whole snapshot of its
 * revision `main`. It returns undefined where there is none.
 */
export function downloadedModel(name: string): string | undefined {
  const repository = repositoryOf(name);
  const commit = repository?.commitOf("main");
  if (repository === undefined || commit === undefined) return undefined;
  const snapshot = repository.snapshot(commit);
  return isWhole(snapshot) ? snapshot : undefined;
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

function repositoryOf(name: string): CachedRepository | undefined {
  const cache = hubCache();
  return isHubName(name) && cache !== undefined ? new CachedRepository(cache, name) : undefined;
}

/**
 * Returns what to do where a path with nothing at it is rather a name on the hub, such as
 * `kuleshov-group/mdlm-owt`; else undefined.
 * @param base the directory that the path starts from.
 */
export function hubRemedy(name: string, base: string = process.cwd()): string | undefined {
  const [owner = ""] = name.split("/");
  const isFile = /\.(ckpt|safetensors|pt|pth|bin|json|gguf)$/i.test(name);
  if (!isHubName(name) || isFile || existsSync(resolve(base, owner))) return undefined;
  const repository = repositoryOf(name);
  const other = repository && cachedModel(repository.path)?.snapshot;
  const named =
    other !== undefined && isWhole(other) ? `, name ${other}, which is another revision` : "";
  return `Run \`npx remdm checkpoints download ${name}\`, which fetches it from the Hugging Face hub${named}, or check the path.`;
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
