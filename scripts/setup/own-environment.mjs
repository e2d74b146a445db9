/** The Python environment that the set-up makes itself, and keeps to the lock files. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { requireSpace } from "./disk.mjs";
import { examine, importProblems } from "./examine.mjs";
import { hintAtCuda, pipInstall, pythonEnvironment } from "./pip.mjs";
import { repairCommand, venvPython } from "./places.mjs";
import { SetupProblem } from "./problem.mjs";
import { describe, findPython, isRecent, probe } from "./python.mjs";
import { run } from "./run.mjs";
import { say } from "./say.mjs";
import { clearStamp, hashOf, readStamps, writeStamp } from "./stamps.mjs";

const NEEDED_BYTES = 2.5e9;

/** @typedef {import("./places.mjs").Places} Places */
/** @typedef {import("./steps.mjs").Step} Step */

/**
 * @param {Places} places
 * @param {{ dev: boolean, thorough: boolean }} options thorough: look by importing, too
 * @returns {Step[]}
 */
export function ownEnvironment(places, { dev, thorough }) {
  const { venv, root, requirements, devRequirements, backend } = places;
  const python = venvPython(venv);
  const subject = { python, origin: "the set-up's environment", leaving: `remove ${venv}` };
  /** @type {Promise<import("./examine.mjs").Examination> | undefined} */
  let seen;
  const look = () => (seen ??= examine(places, subject, { whose: "own", dev }));
  const install = async (/** @type {readonly string[]} */ ...args) => {
    seen = undefined;
    await pipInstall(python, args, root);
  };
  const installLacking = async () => {
    const pins = (await look()).install.map(({ pin }) => pin);
    if (pins.length > 0) await install(...pins);
  };
  const requirementsStep = stamped(places, {
    name: "requirements",
    hash: () => hashOf([requirements]),
    title: `backend packages into ${venv}: PyTorch and what it needs, about 1 GB on disk`,
    takes: "1 to 10 minutes, as the network is",
    async isThere() {
      const { install: lacks, hollow } = await look();
      if (lacks.length > 0 || hollow.length > 0) return false;
      return !thorough || (await importProblems(places, python)).length === 0;
    },
    async perform(isNew) {
      requireSpace(venv, NEEDED_BYTES, "Installing PyTorch");
      await hintAtCuda(python, root);
      if (isNew) await install("-r", requirements);
      else await installLacking();
      const { hollow } = await look();
      if (hollow.length > 0) await install("--force-reinstall", "--no-deps", ...hollow);
      const [broken] = await importProblems(places, python);
      if (broken === undefined) return;
      say(`      ${broken}; installing everything again`);
      await install("--force-reinstall", "-r", requirements);
      const [still] = await importProblems(places, python);
      if (still === undefined) return;
      throw new SetupProblem(
        `A package in ${venv} does not work: ${still}`,
        `Run \`${repairCommand(places)}\`, which makes the environment anew; should that end here again, set REMDM_PYTHON to another Python with these packages.`,
      );
    },
  });
  const backendStep = stamped(places, {
    name: "backend",
    hash: () => hashOf([join(backend, "pyproject.toml"), requirements]),
    title: "the backend itself (editable)",
    takes: "a few seconds",
    isThere: async () => (await look()).backend,
    perform: () => install("--no-deps", "--no-build-isolation", "-e", backend),
  });
  const devStep = stamped(places, {
    name: "dev",
    hash: () => hashOf([requirements, devRequirements]),
    title: "packages of the tests and checks (pytest, ruff, mypy, Jupyter's client)",
    takes: "about half a minute",
    isThere: async () => (await look()).install.length === 0,
    perform: (isNew) => (isNew ? install("-r", devRequirements) : installLacking()),
  });
  return [
    makeVenv(places),
    requirementsStep,
    ...(places.checkout ? [backendStep] : []),
    ...(dev ? [devStep] : []),
  ];
}

/** @param {Places} places @returns {Step} */
function makeVenv({ venv, root }) {
  return {
    title: `Python environment in ${venv}`,
    takes: "about 10 seconds",
    isDone: () => isMade(venv),
    forget: () => rmSync(venv, { recursive: true, force: true }),
    async perform() {
      if (await isUsable(venv)) {
        say("      an environment is there already; using it");
      } else {
        const found = await findPython();
        say(`      with ${describe(found)}`);
        // Removed by us and not by `venv --clear`, which stumbles over links to a Python that is gone.
        rmSync(venv, { recursive: true, force: true });
        await run(found.executable, ["-m", "venv", venv], {
          what: "Making the Python environment",
          cwd: root,
          env: pythonEnvironment(),
        });
      }
      writeStamp(venv, "venv", "made");
    },
  };
}

/** @param {string} venv */
function isMade(venv) {
  return existsSync(venvPython(venv)) && readStamps(venv).venv === "made";
}

/** Whether an environment that we did not stamp (made by hand, or half-made) will do. @param {string} venv */
async function isUsable(venv) {
  const python = venvPython(venv);
  if (!existsSync(python)) return false;
  const found = await probe([python]);
  return isRecent(found) && found.hasPip;
}

/**
 * @typedef {object} Stamped
 * @property {string} name
 * @property {() => string} hash of what it depends on
 * @property {string} title
 * @property {string} takes
 * @property {() => Promise<boolean>} isThere whether what the stamp promises is there
 * @property {(isNew: boolean) => Promise<void>} perform isNew: what it depends on has changed
 */

/**
 * @param {Places} places
 * @param {Stamped} step
 * @returns {Step}
 */
function stamped({ venv, root }, { name, hash, title, takes, isThere, perform }) {
  // An editable install points at this folder, so a folder that was moved is another one.
  const wanted = () => hashOf([], [hash(), root]);
  const isStamped = () => readStamps(venv)[name] === wanted();
  return {
    title,
    takes,
    isDone: async () => isMade(venv) && isStamped() && (await isThere()),
    async perform() {
      const isNew = !isStamped();
      clearStamp(venv, name);
      await perform(isNew);
      writeStamp(venv, name, wanted());
    },
  };
}
