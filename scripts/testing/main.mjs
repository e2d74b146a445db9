/** `npm test`: sets up where needed, runs jest and pytest, tells what was skipped, and closes with the sum of both. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setUp } from "../setup/main.mjs";
import { report, say } from "../setup/say.mjs";
import { add, closingLine, jestCounts, judge, pytestCounts } from "./counts.mjs";
import { PARTS } from "./parts.mjs";
import { jestSkipped, pytestSkipped, skippedLines } from "./skipped.mjs";
import { watch } from "./watch.mjs";

const USAGE = `usage: npm test [-- jest|pytest|unit|backend|slow [ARGUMENTS OF THE RUNNER]]
  npm test                          everything
  npm run test:unit                 the TypeScript tests that need no Python
  npm run test:backend              the TypeScript tests of the real backend, and the Python tests
  npm run test:slow                 the TypeScript tests that take long
  npm run test:unit -- test/sampler the unit tests whose path has test/sampler
  npm test -- jest test/sampler     the TypeScript tests whose path has test/sampler
  npm test -- pytest -k attention   the Python tests whose name has attention`;

/** @typedef {import("../setup/places.mjs").Places} Places */
/**
 * @typedef {object} Runner
 * @property {string} name
 * @property {(places: Places, python: string, file: string) => { command: string, args: string[], cwd: string }} start
 * @property {(text: string) => import("./counts.mjs").Counts} count
 * @property {(text: string, places: Places) => import("./skipped.mjs").Skipped[]} skipped
 */

/** @type {readonly Runner[]} */
const RUNNERS = [
  {
    name: "jest",
    start: ({ root }, _python, file) => ({
      command: process.execPath,
      args: [
        "--experimental-vm-modules",
        "--no-warnings",
        join(root, "node_modules", "jest", "bin", "jest.js"),
        "--reporters=default",
        `--reporters=${fileURLToPath(new URL("runningReporter.mjs", import.meta.url))}`,
        "--json",
        `--outputFile=${file}`,
      ],
      cwd: root,
    }),
    count: jestCounts,
    skipped: (text, { root }) => jestSkipped(text, root),
  },
  {
    name: "pytest",
    start: ({ backend }, python, file) => ({
      command: python,
      args: [
        "-m",
        "pytest",
        `--junitxml=${file}`,
        `--color=${process.stdout.isTTY === true ? "yes" : "no"}`,
      ],
      cwd: backend,
    }),
    count: pytestCounts,
    skipped: pytestSkipped,
  },
];

/**
 * @typedef {object} Choice
 * @property {readonly Runner[]} runners
 * @property {import("./parts.mjs").Part | undefined} part undefined: all parts
 */

/**
 * @param {string | undefined} only a runner or a part
 * @param {readonly string[]} [args] beside a part they are jest's, and leave pytest out
 * @returns {Choice}
 */
export function choose(only, args = []) {
  const part = PARTS.find((name) => name === only);
  // The Python tests are all of the part `backend`.
  if (only === undefined || (part === "backend" && args.length === 0))
    return { runners: RUNNERS, part };
  const runner = part === undefined ? only : "jest";
  return { runners: RUNNERS.filter(({ name }) => name === runner), part };
}

/** @param {readonly string[]} args */
export async function main([only, ...rest]) {
  const { runners, part } = choose(only, rest);
  if (runners.length === 0) {
    say(`error: there is no test runner and no part ${JSON.stringify(only)}.\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  try {
    const { places, python } = await setUp({ dev: true, python: part !== "unit" });
    const outcome = await runAll({ runners, part }, places, python, rest);
    console.log(closingLine(outcome));
    process.exitCode = outcome.failed === 0 ? 0 : 1;
  } catch (error) {
    report(error);
  }
}

/**
 * @param {Choice} choice
 * @param {Places} places
 * @param {string} python
 * @param {readonly string[]} args
 */
async function runAll({ runners, part }, places, python, args) {
  const temporary = mkdtempSync(join(tmpdir(), "remdm-test-"));
  process.once("exit", () => rmSync(temporary, { recursive: true, force: true }));
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  const color = process.stderr.isTTY === true ? { FORCE_COLOR: "1" } : {};
  // The tests use the environment that was set up, whatever else is on this machine.
  const env = { ...process.env, ...color, REMDM_PYTHON: python };
  // Everything goes part by part, because the tests of the backend may not take every core.
  const runs = runners.flatMap((runner) => {
    const parts =
      runner.name === "jest" && part === undefined && args.length === 0 ? PARTS : [part];
    return parts.map((own) => ({ ...runner, own }));
  });

  const counted = [];
  const skips = [];
  const complaints = [];
  for (const { name, start, count, skipped, own } of runs) {
    const file = join(temporary, `${name}-${own ?? "all"}`);
    const { command, args: first, cwd } = start(places, python, file);
    // Jest leaves one core free, which the real backend needs; the other parts wait for none, or
    // for one now and then.
    const workers = own === "unit" || own === "slow" ? ["--maxWorkers=100%"] : [];
    const parted = own === undefined ? env : { ...env, REMDM_TEST_PART: own };
    const end = await watch(command, [...first, ...workers, ...args], { cwd, env: parted });
    const written = existsSync(file) ? readFileSync(file, "utf8") : null;
    const judged = judge(written === null ? null : count(written), end);
    if (written !== null) skips.push(...skipped(written, places));
    counted.push(judged.counts);
    if (judged.complaint !== "") complaints.push(`${name} ${judged.complaint}.`);
  }
  for (const line of skippedLines(skips)) console.log(line);
  for (const complaint of complaints) say(complaint);
  return add(counted);
}
