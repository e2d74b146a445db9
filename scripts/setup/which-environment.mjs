/**
 * Which Python environment is set up. `src/backend/process/python.ts` looks for it in the same order when the
 * backend is started; a test holds the two against each other.
 */
import { existsSync, lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { venvPython } from "./places.mjs";

/**
 * @typedef {object} External an environment that belongs to the user
 * @property {string} python
 * @property {string} origin for messages: "REMDM_PYTHON", "the active conda environment /x"
 * @property {string} leaving what to do so that the set-up makes an environment of its own instead
 * @property {boolean} linked whether it is that of another folder, to which our `.venv` links
 */

/**
 * @param {import("./places.mjs").Places} places
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {External | null} null: the environment is the set-up's own
 */
export function externalPython({ venv }, env = process.env) {
  const chosen = named(env) ?? virtualenv(env) ?? conda(env);
  if (chosen !== undefined && !isPythonOf(chosen.python, venv)) return { ...chosen, linked: false };
  return isLink(venv) ? linked(venv) : null;
}

/** @param {NodeJS.ProcessEnv} env */
function named({ REMDM_PYTHON }) {
  return REMDM_PYTHON
    ? { python: REMDM_PYTHON, origin: "REMDM_PYTHON", leaving: "unset REMDM_PYTHON" }
    : undefined;
}

/** @param {NodeJS.ProcessEnv} env */
function virtualenv({ VIRTUAL_ENV }) {
  return inside(VIRTUAL_ENV, "the active virtual environment", "run `deactivate`");
}

/** Conda activates its base environment by itself in every shell: that is nobody's choice. @param {NodeJS.ProcessEnv} env */
function conda(env) {
  return isCondaBase(env)
    ? undefined
    : inside(env.CONDA_PREFIX, "the active conda environment", "run `conda deactivate`");
}

/** @param {NodeJS.ProcessEnv} env */
function isCondaBase({ CONDA_PREFIX, CONDA_DEFAULT_ENV, CONDA_EXE, MAMBA_ROOT_PREFIX }) {
  const roots = [CONDA_EXE && dirname(dirname(CONDA_EXE)), MAMBA_ROOT_PREFIX];
  return CONDA_DEFAULT_ENV === "base" || (!!CONDA_PREFIX && roots.includes(CONDA_PREFIX));
}

/**
 * @param {string | undefined} prefix
 * @param {string} kind
 * @param {string} leaving
 */
function inside(prefix, kind, leaving) {
  const python = prefix ? venvPython(prefix) : "";
  return existsSync(python) ? { python, origin: `${kind} ${prefix}`, leaving } : undefined;
}

/** @param {string} venv @returns {External} */
function linked(venv) {
  return {
    python: venvPython(venv),
    origin: `the environment to which ${venv} links`,
    leaving: `remove the link (\`rm "${venv}"\`)`,
    linked: true,
  };
}

/** Whether it is our own environment that was activated or named. @param {string} python @param {string} venv */
function isPythonOf(python, venv) {
  // Not the real path of the file: every environment's python links to the one that it was made with.
  const directory = dirname(dirname(python));
  return (
    existsSync(directory) && existsSync(venv) && realpathSync(directory) === realpathSync(venv)
  );
}

/** @param {string} path */
function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}
