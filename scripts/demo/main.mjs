/** The main job on the bundled model: `remdm sample` with the options of the paper's ReMDM-loop. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setUp } from "../setup/main.mjs";
import { report, say } from "../setup/say.mjs";

const OPTIONS = [
  "--checkpoint",
  "demo",
  "--strategy",
  "remdm-loop",
  "--steps",
  "128",
  "--top-p",
  "0.9",
];

/** @param {readonly string[]} args further options; the last one of a name counts */
export async function main(args) {
  try {
    const { places, python } = await setUp();
    const command = ["sample", ...OPTIONS, ...args];
    say(`remdm ${command.join(" ")}\n`);
    process.exitCode = await run(join(places.root, "dist", "cli", "main.js"), command, python);
  } catch (error) {
    report(error);
  }
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} python
 * @returns {Promise<number>} its exit code
 */
function run(program, args, python) {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: "inherit",
    env: { ...process.env, REMDM_PYTHON: python },
  });
  // Ctrl-C reaches the child by itself and it has to tidy up; we only stay until it has.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}
