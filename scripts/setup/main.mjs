/** The set-up: what is not done yet, one at a time. Silent and quick when nothing is left to do. */
import { build } from "./build.mjs";
import { externalEnvironment, externalPython } from "./external-environment.mjs";
import { exclusively } from "./lock.mjs";
import { nodePackages } from "./node-packages.mjs";
import { ownEnvironment } from "./own-environment.mjs";
import { findPlaces, venvPython } from "./places.mjs";
import { report, say } from "./say.mjs";
import { pendingOf, perform } from "./steps.mjs";

/**
 * @param {{ dev?: boolean }} [options] dev: also what the tests and checks need
 * @returns {Promise<{ python: string, places: import("./places.mjs").Places, changed: boolean }>}
 */
export async function setUp({ dev = false } = {}) {
  const places = findPlaces();
  const external = externalPython();
  const wanted = { dev: dev && places.checkout };
  const steps =
    external === null
      ? ownEnvironment(places, wanted)
      : [externalEnvironment(places, external, wanted)];
  if (places.checkout) {
    steps.unshift(nodePackages(places));
    steps.push(build(places));
  }
  const changed = (await pendingOf(steps)).length > 0;
  if (changed) {
    // Looked at again inside: another set-up may have done it while we waited.
    await leavingOnSignals(() => exclusively(places.home, () => perform(steps)));
  }
  return { python: external?.python ?? venvPython(places.venv), places, changed };
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
  try {
    const { python, changed } = await setUp({ dev: args.includes("--dev") });
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
