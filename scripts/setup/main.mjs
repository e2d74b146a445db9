/** The set-up: what is not done yet, one at a time. Silent and quick when nothing is left to do. */
import { build } from "./build.mjs";
import { externalEnvironment } from "./external-environment.mjs";
import { exclusively } from "./lock.mjs";
import { nodePackages } from "./node-packages.mjs";
import { ownEnvironment } from "./own-environment.mjs";
import { findPlaces, venvPython } from "./places.mjs";
import { report, say } from "./say.mjs";
import { pendingOf, perform } from "./steps.mjs";
import { externalPython } from "./which-environment.mjs";

const USAGE = `usage: node scripts/setup.mjs [--dev] [--repair] [--help]
  --dev      also what the tests and checks need
  --repair   make everything anew
  --help     say this`;

/**
 * @param {object} [options]
 * @param {boolean} [options.dev] also what the tests and checks need
 * @param {boolean} [options.thorough] import what was installed, too: that takes seconds
 * @param {boolean} [options.repair] make everything anew
 * @param {boolean} [options.python] false: leave the Python environment out
 * @returns {Promise<{ python: string, places: import("./places.mjs").Places, changed: boolean }>}
 */
export async function setUp({ dev = false, thorough = false, repair = false, python = true } = {}) {
  const places = findPlaces();
  const external = externalPython(places);
  const wanted = { dev: dev && places.checkout, thorough };
  const environment = () =>
    external === null
      ? ownEnvironment(places, wanted)
      : [externalEnvironment(places, external, wanted)];
  // Made again for each look: another set-up may have done it while we waited.
  const steps = () => [
    ...(places.checkout ? [nodePackages(places)] : []),
    ...(python ? environment() : []),
    ...(places.checkout ? [build(places)] : []),
  ];
  const changed = repair || (await pendingOf(steps())).length > 0;
  if (changed) {
    await leavingOnSignals(() =>
      exclusively(places.home, async () => {
        if (repair) forgetAll(steps(), external);
        await perform(steps());
      }),
    );
  }
  return { python: external?.python ?? venvPython(places.venv), places, changed };
}

/**
 * @param {readonly import("./steps.mjs").Step[]} steps
 * @param {import("./which-environment.mjs").External | null} external
 */
function forgetAll(steps, external) {
  for (const { forget } of steps) forget?.();
  if (external === null) return;
  say(`The Python environment is yours (${external.origin}), so it is not removed:`);
  say("only what is missing there is installed.");
}

/**
 * Ctrl-C ends the set-up at once; what runs for it is ended and the lock removed on exit.
 * @param {() => Promise<void>} work
 */
async function leavingOnSignals(work) {
  const onInterrupt = () => process.exit(130);
  const onTerminate = () => process.exit(143);
  process.once("SIGINT", onInterrupt);
  process.once("SIGTERM", onTerminate);
  try {
    await work();
  } finally {
    process.removeListener("SIGINT", onInterrupt);
    process.removeListener("SIGTERM", onTerminate);
  }
}

/** @param {readonly string[]} args of `node scripts/setup.mjs` */
export async function main(args) {
  if (args.includes("--help")) {
    say(USAGE);
    return;
  }
  const unknown = args.find((arg) => arg !== "--dev" && arg !== "--repair");
  if (unknown !== undefined) {
    say(`error: there is no option ${JSON.stringify(unknown)}.\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  try {
    const [dev, repair] = [args.includes("--dev"), args.includes("--repair")];
    const { python, changed } = await setUp({ dev, thorough: true, repair });
    if (!changed) say(`Everything is set up (Python: ${python}).`);
  } catch (error) {
    report(error);
  }
}

/** `node scripts/build.mjs`: the last step alone, for those who change sources. */
export async function buildOnly() {
  const places = findPlaces();
  try {
    await leavingOnSignals(() => exclusively(places.home, () => perform([build(places)])));
  } catch (error) {
    report(error);
  }
}
