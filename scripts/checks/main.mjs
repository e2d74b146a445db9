/** `npm run check`: every check, two at a time, and in the end which failed and how to mend it. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setUp } from "../setup/main.mjs";
import { duration, report, say } from "../setup/say.mjs";

const AT_ONCE = 2;

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {string} cwd
 * @property {string} remedy
 */

/**
 * The slow ones first, so that the quick ones fill the gaps.
 * @param {string} root
 * @param {string} python
 * @returns {Check[]}
 */
function checksOf(root, python) {
  const backend = join(root, "py_backend");
  const node = (/** @type {string[]} */ ...args) => ({
    command: process.execPath,
    args,
    cwd: root,
  });
  const module = (/** @type {string[]} */ ...args) => ({
    command: python,
    args: ["-m", ...args],
    cwd: backend,
  });
  const installed = (/** @type {string[]} */ ...path) => join(root, "node_modules", ...path);
  const ruff = `cd "${backend}" && "${python}" -m ruff`;
  const pythonFiles = [".", "../test", "../scripts", "../examples/parity", "../bench"];
  const files = pythonFiles.join(" ");
  return [
    {
      name: "eslint",
      ...node(installed("eslint", "bin", "eslint.js"), "--max-warnings=0", "."),
      remedy: "`npx eslint --fix .`",
    },
    {
      name: "mypy",
      ...module("mypy", "--strict", "remdm_backend", "../examples/parity", "../bench"),
      remedy: "mend the types in py_backend, examples/parity and bench",
    },
    {
      name: "tsc",
      ...node(installed("typescript", "bin", "tsc"), "--noEmit"),
      remedy: "mend the types that tsc names",
    },
    {
      name: "tsc bench",
      ...node(installed("typescript", "bin", "tsc"), "--noEmit", "-p", "bench"),
      remedy: "mend the types that tsc names",
    },
    {
      name: "prettier",
      ...node(installed("prettier", "bin", "prettier.cjs"), "--check", "--log-level=warn", "."),
      remedy: "`npx prettier --write .`",
    },
    {
      name: "rooms",
      ...node(installed("dependency-cruiser", "bin", "dependency-cruise.mjs"), "src"),
      remedy:
        ".dependency-cruiser.mjs says which room may import which; break the circles it names",
    },
    {
      name: "schemas",
      ...node(join(root, "scripts", "schemas.mjs"), "--check"),
      remedy: "`npm run schemas`, and commit schemas/",
    },
    {
      name: "strategies",
      ...node(join(root, "scripts", "strategyTable.mjs"), "--check"),
      remedy: "`npm run strategies`, and commit README.md",
    },
    {
      name: "kernel",
      ...node(join(root, "scripts", "kernel.mjs"), "--check"),
      remedy: "`npm run kernel`, and commit src/sampler/draw/kernel/binary.ts",
    },
    {
      name: "ruff check",
      ...module("ruff", "check", ...pythonFiles),
      remedy: `\`${ruff} check --fix ${files}\``,
    },
    {
      name: "ruff format",
      ...module("ruff", "format", "--check", ...pythonFiles),
      remedy: `\`${ruff} format ${files}\``,
    },
  ];
}

export async function main() {
  try {
    const { places, python } = await setUp({ dev: true });
    const waiting = checksOf(places.root, python);
    /** @type {Check[]} */
    const failed = [];
    const worker = async () => {
      for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
        if (!(await passes(check))) failed.push(check);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (failed.length === 0) return;
    say(`\nFailed: ${failed.map(({ name }) => name).join(", ")}`);
    for (const { name, remedy } of failed) say(`  ${name}: ${remedy}`);
    process.exitCode = 1;
  } catch (error) {
    report(error);
  }
}

/**
 * @param {Check} check
 * @returns {Promise<boolean>}
 */
async function passes({ name, command, args, cwd }) {
  const started = Date.now();
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (/** @type {Buffer} */ chunk) => {
    output += chunk.toString();
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  say(`${code === 0 ? "ok    " : "FAILED"} ${name} (${duration(Date.now() - started)})`);
  if (code !== 0) say(output.trimEnd());
  return code === 0;
}
