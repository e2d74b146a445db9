/**
 * An environment of the user's own: one that is activated, or REMDM_PYTHON. It is asked each time, for
 * others change it too, and gets only what it lacks.
 */
import { requireSpace } from "./disk.mjs";
import { examine, importProblems } from "./examine.mjs";
import { hintAtCuda, pipInstall } from "./pip.mjs";
import { SetupProblem } from "./problem.mjs";
import { say } from "./say.mjs";

const TORCH_BYTES = 2.5e9;

/**
 * @param {import("./places.mjs").Places} places
 * @param {import("./which-environment.mjs").External} external
 * @param {{ dev: boolean, thorough: boolean }} options thorough: look by importing, too
 * @returns {import("./steps.mjs").Step}
 */
export function externalEnvironment(places, external, { dev, thorough }) {
  const { python, origin, leaving, linked } = external;
  const look = () => examine(places, external, { whose: "external", dev });
  // In an environment that another folder has lent, the backend stays that folder's.
  const wantsBackend = places.checkout && !linked;
  return {
    title: `Python packages for ${origin}`,
    takes: "only what is missing is installed; with PyTorch 1 to 10 minutes",
    async isDone() {
      const { install, hollow, backend } = await look();
      const isThere = install.length === 0 && hollow.length === 0 && (backend || !wantsBackend);
      return isThere && (!thorough || (await importProblems(places, python)).length === 0);
    },
    async perform() {
      const { install, hollow, backend } = await look();
      for (const { pin, have, need } of install) {
        const why = have === null ? "missing" : `${have} is there, ${need} is needed`;
        say(`      ${pin}  (${why})`);
      }
      for (const pin of hollow) say(`      ${pin}  (its files are gone)`);
      const pins = install.map(({ pin }) => pin);
      if ([...pins, ...hollow].some((pin) => pin.startsWith("torch="))) {
        requireSpace(python, TORCH_BYTES, "Installing PyTorch");
        await hintAtCuda(python, places.root);
      }
      if (pins.length > 0) await pipInstall(python, pins, places.root);
      if (hollow.length > 0) {
        await pipInstall(python, ["--force-reinstall", "--no-deps", ...hollow], places.root);
      }
      if (!backend && wantsBackend) {
        say(`      the backend (editable, from ${places.backend})`);
        const editable = ["--no-deps", "--no-build-isolation", "-e", places.backend];
        await pipInstall(python, editable, places.root);
      }
      const [problem] = await importProblems(places, python);
      if (problem === undefined) return;
      // Not put right by force: what is broken may be a build of PyTorch that somebody chose.
      throw new SetupProblem(
        `${origin} (${python}) has a package that does not work: ${problem}`,
        `Mend that environment, or ${leaving} and run this again: the set-up then makes an environment of its own.`,
      );
    },
  };
}
