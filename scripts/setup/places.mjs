/** Where things are: in a checkout everything lives inside it, an installed package uses the cache. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupProblem } from "./problem.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/**
 * @typedef {object} Places
 * @property {string} root the checkout, or the installed package
 * @property {boolean} checkout whether it is a checkout: sources, a lock file, tests
 * @property {string} home for the environment and the lock
 * @property {string} venv
 * @property {string} backend the Python package
 * @property {string} requirements
 * @property {string} devRequirements
 */

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @param {string} [root]
 * @returns {Places}
 */
export function findPlaces(env = process.env, root = ROOT) {
  const checkout =
    existsSync(join(root, "package-lock.json")) && existsSync(join(root, "tsconfig.build.json"));
  const home = checkout ? join(root, ".remdm") : env.REMDM_HOME || join(userCache(env), "remdm");
  const backend = join(root, "py_backend");
  return {
    root,
    checkout,
    home,
    venv: checkout ? join(root, ".venv") : join(home, "venv"),
    backend,
    requirements: join(backend, "requirements.txt"),
    devRequirements: join(backend, "requirements-dev.txt"),
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
function userCache(env) {
  try {
    return env.XDG_CACHE_HOME || join(homedir(), ".cache");
  } catch (error) {
    throw new SetupProblem(
      `This user has no home directory (${error instanceof Error ? error.message : String(error)})`,
      "Set REMDM_HOME to a directory for the environment, or HOME to one that you may write to.",
    );
  }
}

/** @param {string} venv */
export function venvPython(venv) {
  return process.platform === "win32"
    ? join(venv, "Scripts", "python.exe")
    : join(venv, "bin", "python");
}

/** What makes the environment anew, where somebody reads it. @param {Places} places */
export function repairCommand({ checkout }) {
  return checkout ? "npm run setup -- --repair" : "npx remdm setup --repair";
}
