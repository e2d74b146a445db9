/**
 * Finds the user's home directory and cache. Not every user has a home: a container may run as a
 * user number without a name.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { isRecord } from "./checks.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the home directory, or undefined where neither `HOME` nor the system's list of users says
 * it.
 * @param lookUp asks the system; tests hand in their own.
 */
export function homeDirectory(
  env: Environment = process.env,
  lookUp: () => string = homedir,
): string | undefined {
  if (env.HOME) return env.HOME;
  try {
    return lookUp();
  } catch (error) {
    if (isRecord(error) && error.code === "ERR_SYSTEM_ERROR") return undefined;
    throw error;
  }
}

/** Returns `XDG_CACHE_HOME`, else `.cache` in the home directory; undefined without either. */
export function userCache(env: Environment, lookUp?: () => string): string | undefined {
  if (env.XDG_CACHE_HOME) return env.XDG_CACHE_HOME;
  const home = homeDirectory(env, lookUp);
  return home === undefined ? undefined : join(home, ".cache");
}

/**
 * Expands `~` and `~/x` as a shell does. A shell does so only at the beginning of a word: not after
 * `--checkpoint=`, nor in a YAML file. Any other path stays as it is.
 */
export function expandHome(path: string, home: string | undefined = homeDirectory()): string {
  if (home === undefined || (path !== "~" && !path.startsWith("~/"))) return path;
  return join(home, path.slice(1));
}
