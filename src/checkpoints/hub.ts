/** What people take from the Hugging Face hub for a checkpoint and is none: a name there, and the cache's own directories. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * For a path with nothing at it.
 * @param base directory that the path starts from.
 * @returns what to do where it is rather a name on the hub, `kuleshov-group/mdlm-owt`; else undefined.
 */
export function hubRemedy(name: string, base: string = process.cwd()): string | undefined {
  const [, owner = "", model = ""] = /^(\w[\w.-]*)\/(\w[\w.-]*)$/.exec(name) ?? [];
  const isFile = /\.(ckpt|safetensors|pt|pth|bin|json|gguf)$/i.test(model);
  if (model === "" || isFile || existsSync(resolve(base, owner))) return undefined;
  return `Nothing is downloaded from the Hugging Face hub by itself: run \`hf download ${name} --local-dir ${model}\` and name that directory, or check the path.`;
}

/** The cache keeps a model as `models--OWNER--NAME`, its revisions in `snapshots`. */
export interface CachedModel {
  /** The revision that the cache calls main, or the only one; undefined where it has none. */
  readonly snapshot: string | undefined;
}

/** @returns undefined for a directory that is no part of the cache, or one of its snapshots. */
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
