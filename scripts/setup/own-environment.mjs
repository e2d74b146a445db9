/** The Python environment that the set-up makes itself, and keeps to the lock files. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { requireSpace } from "./disk.mjs";
import { hintAtCuda, pipEnvironment, pipInstall } from "./pip.mjs";
import { venvPython } from "./places.mjs";
import { describe, findPython, isRecent, probe } from "./python.mjs";
import { run } from "./run.mjs";
import { say } from "./say.mjs";
import { clearStamp, hashOf, readStamps, writeStamp } from "./stamps.mjs";

const NEEDED_BYTES = 2.5e9;

/**
 * @param {import("./places.mjs").Places} places
 * @param {{ dev: boolean }} options
 * @returns {import("./steps.mjs").Step[]}
 */
export function ownEnvironment(places, { dev }) {
  const { venv, requirements, devRequirements } = places;
  const steps = [makeVenv(places)];
  const install = (/** @type {readonly string[]} */ args) =>
    pipInstall(venvPython(venv), args, places.root);

  steps.push(
    stamped(places, {
      name: "requirements",
      hash: () => hashOf([requirements]),
      title: `backend packages into ${venv}: PyTorch and what it needs, about 1 GB on disk`,
      takes: "1 to 10 minutes, as the network is",
      async perform() {
        requireSpace(venv, NEEDED_BYTES, "Installing PyTorch");
        hintAtCuda();
        await install(["-r", requirements]);
      },
    }),
  );
  if (places.checkout) {
    steps.push(
      stamped(places, {
        name: "backend",
        hash: () => hashOf([join(places.backend, "pyproject.toml"), requirements]),
        title: "the backend itself (editable)",
        takes: "a few seconds",
        perform: () => install(["--no-deps", "--no-build-isolation", "-e", places.backend]),
      }),
    );
  }
  if (dev) {
    steps.push(
      stamped(places, {
        name: "dev",
        hash: () => hashOf([requirements, devRequirements]),
        title: "packages of the tests and checks (pytest, ruff, mypy, Jupyter's client)",
        takes: "about half a minute",
        perform: () => install(["-r", devRequirements]),
      }),
    );
  }
  return steps;
}

/**
 * @param {import("./places.mjs").Places} places
 * @returns {import("./steps.mjs").Step}
 */
function makeVenv({ venv, root }) {
  return {
    title: `Python environment in ${venv}`,
    takes: "about 10 seconds",
    isDone: () => isMade(venv),
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
          env: pipEnvironment(),
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
 * @param {import("./places.mjs").Places} places
 * @param {{ name: string, hash: () => string, title: string, takes: string, perform: () => Promise<void> }} step
 * @returns {import("./steps.mjs").Step}
 */
function stamped({ venv, root }, { name, hash, title, takes, perform }) {
  // An editable install points at this folder, so a folder that was moved is another one.
  const wanted = () => hashOf([], [hash(), root]);
  return {
    title,
    takes,
    isDone: () => isMade(venv) && readStamps(venv)[name] === wanted(),
    async perform() {
      clearStamp(venv, name);
      await perform();
      writeStamp(venv, name, wanted());
    },
  };
}
