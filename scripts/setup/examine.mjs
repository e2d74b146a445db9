/**
 * What an environment lacks. Two looks: the quick one at what is recorded and whether the files are there
 * (0.2 s, at every start), and importing it all, as `remdm doctor` does (seconds, for PyTorch: when
 * something was installed, and when the set-up itself is asked for).
 */
import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { diagnose } from "./diagnose.mjs";
import { pythonEnvironment } from "./pip.mjs";
import { SetupProblem } from "./problem.mjs";
import { describe, isRecent, OLDEST, probe } from "./python.mjs";

const EXAMINE = fileURLToPath(new URL("examine_environment.py", import.meta.url));

/** @typedef {{ pin: string, have: string | null, need: string }} Lack */
/**
 * @typedef {object} Examination
 * @property {Lack[]} install what is missing or does not fit
 * @property {string[]} hollow pins of what is recorded as installed while its files are gone
 * @property {boolean} backend whether the backend of this checkout is installed (editable)
 */

/**
 * @typedef {object} Subject
 * @property {string} python
 * @property {string} origin for messages: "REMDM_PYTHON"
 * @property {string} leaving what to do so that the set-up makes an environment of its own
 */

/**
 * @param {import("./places.mjs").Places} places
 * @param {Subject} subject
 * @param {{ whose: "own" | "external", dev: boolean }} options dev: also what the tests and checks need
 * @returns {Promise<Examination>}
 */
export async function examine(places, subject, { whose, dev }) {
  const { backend, requirements, devRequirements } = places;
  const files = dev ? ["dev", requirements, devRequirements] : ["", requirements];
  const args = [EXAMINE, whose, join(backend, "pyproject.toml"), ...files];
  try {
    const env = pythonEnvironment();
    const { stdout } = await promisify(execFile)(subject.python, args, { env });
    return JSON.parse(stdout);
  } catch (error) {
    throw await explain(error, subject);
  }
}

/**
 * What keeps the backend from running in this environment, by the backend's own account.
 * @param {import("./places.mjs").Places} places
 * @param {string} python
 * @returns {Promise<string[]>} each a sentence; empty when all is well
 */
export async function importProblems({ backend }, python) {
  const { PYTHONPATH } = process.env;
  const path = PYTHONPATH ? `${backend}${delimiter}${PYTHONPATH}` : backend; // as the backend gets it
  const env = { ...process.env, PYTHONPATH: path, PYTHONSAFEPATH: "1" };
  const args = ["-m", "remdm_backend", "doctor", "--json"];
  const { stdout, stderr } = await promisify(execFile)(python, args, { env }).catch(
    // Exit code 1 says that something is missing: the report tells what.
    (error) => ({ stdout: String(error.stdout ?? ""), stderr: String(error.stderr || error) }),
  );
  const report = stdout.slice(stdout.indexOf("{")); // a library may print something before it
  if (!report.startsWith("{")) {
    return [`${python} cannot run the backend: ${stderr.trim().split("\n").at(-1)}`];
  }
  /** @type {{ message: string, fatal: boolean }[]} */
  const problems = JSON.parse(report).problems;
  return problems.filter(({ fatal }) => fatal).map(({ message }) => message);
}

/**
 * @param {unknown} error
 * @param {Subject} subject
 */
async function explain(error, { python, origin, leaving }) {
  const found = await probe([python]);
  const other = `Point REMDM_PYTHON at a Python 3.${OLDEST} or newer, or ${leaving}: the set-up then makes an environment of its own.`;
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
  if (!found.hasPip) {
    return new SetupProblem(
      `${describe(found)}, from ${origin}, has no pip.`,
      `Run \`"${found.executable}" -m ensurepip\` (with conda \`conda install pip\`), then run this again; or ${leaving}: the set-up then makes an environment of its own.`,
    );
  }
  const output = /** @type {{ stderr?: string }} */ (error).stderr ?? String(error);
  return diagnose(`Looking at the packages of ${python}`, output, "no answer");
}
