/**
 * Recognises what is taken for a checkpoint and belongs to the Hugging Face hub: a model's name
 * there, and directories of its cache.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * Returns what to do where a path with nothing at it is rather a name on the hub, such as
 * `kuleshov-group/mdlm-owt`; else undefined.
 * @param base the directory that the path starts from.
 */
export function hubRemedy(name: string, base: string = process.cwd()): string | undefined {
  const [, owner = "", model = ""] = /^(\w[\w.-]*)\/(\w[\w.-]*)$/.exec(name) ?? [];
  const isFile = /\.(ckpt|safetensors|pt|pth|bin|json|gguf)$/i.test(model);
  if (model === "" || isFile || existsSync(resolve(base, owner))) return undefined;
  return `Nothing is downloaded from the Hugging Face hub by itself: run \`hf download ${name} --local-dir ${model}\` and name that directory, or check the path.`;
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
