/**
 * An environment of the user's own: the active conda environment, or REMDM_PYTHON. It is asked each
 * time, for others change it too, and gets only what it lacks.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { diagnose } from "./diagnose.mjs";
import { requireSpace } from "./disk.mjs";
import { hintAtCuda, pipEnvironment, pipInstall } from "./pip.mjs";
import { SetupProblem } from "./problem.mjs";
import { describe, isRecent, OLDEST, probe } from "./python.mjs";
import { say } from "./say.mjs";

const EXAMINE = fileURLToPath(new URL("examine_environment.py", import.meta.url));
const TORCH_BYTES = 2.5e9;

/** @typedef {{ pin: string, have: string | null, need: string }} Lack */
/** @typedef {{ install: Lack[], backend: boolean }} Examination */

/**
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {{ python: string, origin: string } | null} null: make an environment
 */
export function externalPython(env = process.env) {
  if (env.REMDM_PYTHON) return { python: env.REMDM_PYTHON, origin: "REMDM_PYTHON" };
  if (!env.CONDA_PREFIX) return null;
  const inside = process.platform === "win32" ? ["python.exe"] : ["bin", "python"];
  const python = join(env.CONDA_PREFIX, ...inside);
  if (!existsSync(python)) return null;
  return { python, origin: `the active conda environment ${env.CONDA_PREFIX}` };
}

/**
 * @param {import("./places.mjs").Places} places
 * @param {{ python: string, origin: string }} external
 * @param {{ dev: boolean }} options
 * @returns {import("./steps.mjs").Step}
 */
export function externalEnvironment(places, { python, origin }, { dev }) {
  return {
    title: `Python packages for ${origin}`,
    takes: "only what is missing is installed; with PyTorch 1 to 10 minutes",
    async isDone() {
      const { install, backend } = await examine(places, python, origin, dev);
      return install.length === 0 && (backend || !places.checkout);
    },
    async perform() {
      const { install, backend } = await examine(places, python, origin, dev);
      for (const { pin, have, need } of install) {
        const why = have === null ? "missing" : `${have} is there, ${need} is needed`;
        say(`      ${pin}  (${why})`);
      }
      if (install.some(({ pin }) => pin.startsWith("torch="))) {
        requireSpace(python, TORCH_BYTES, "Installing PyTorch");
        hintAtCuda();
      }
      const pins = install.map(({ pin }) => pin);
      if (pins.length > 0) await pipInstall(python, pins, places.root);
      if (!backend && places.checkout) {
        say(`      the backend (editable, from ${places.backend})`);
        const editable = ["--no-deps", "--no-build-isolation", "-e", places.backend];
        await pipInstall(python, editable, places.root);
      }
    },
  };
}

/**
 * @param {import("./places.mjs").Places} places
 * @param {string} python
 * @param {string} origin
 * @param {boolean} dev
 * @returns {Promise<Examination>}
 */
async function examine(places, python, origin, dev) {
  const extra = dev ? ["dev", places.devRequirements] : [];
  const pyproject = join(places.backend, "pyproject.toml");
  try {
    const { stdout } = await promisify(execFile)(
      python,
      [EXAMINE, pyproject, places.requirements, ...extra],
      { env: pipEnvironment() },
    );
    return JSON.parse(stdout);
  } catch (error) {
    throw await explain(error, python, origin);
  }
}

/**
 * @param {unknown} error
 * @param {string} python
 * @param {string} origin
 */
async function explain(error, python, origin) {
  const found = await probe([python]);
  const other = `Point REMDM_PYTHON at a Python 3.${OLDEST} or newer, or unset it to let the set-up make an environment.`;
  if (found.state === "absent") {
    return new SetupProblem(`${python} (${origin}) does not exist.`, other);
  }
  if (found.state === "broken") {
    return new SetupProblem(`${python} (${origin}) does not run: ${found.complaint}`, other);
  }
  if (!isRecent(found)) {
    return new SetupProblem(
      `${describe(found)}, from ${origin}, is too old: Python 3.${OLDEST} or newer is needed.`,
      other,
    );
  }
  const output = /** @type {{ stderr?: string }} */ (error).stderr ?? String(error);
  return diagnose(`Looking at the packages of ${python}`, output, "no answer");
}
