/** Node packages from the lock file. npm's own record of what it installed tells whether they are there. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { requireSpace } from "./disk.mjs";
import { run } from "./run.mjs";

const NEEDED_BYTES = 0.7e9;

/**
 * What a user may have set otherwise for all folders (.npmrc, npm_config_*), and with what the lock file's packages
 * would not all come into this folder. Registry, proxy and certificates stay the user's.
 */
const SETTINGS = [
  ...["--include=dev", "--include=optional", "--include=peer", "--legacy-peer-deps=false"],
  ...["--global=false", "--location=project", "--install-strategy=hoisted", "--bin-links=true"],
  ...["--dry-run=false", "--package-lock-only=false", "--offline=false", "--engine-strict=false"],
];

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }} Locked */

/**
 * @param {import("./places.mjs").Places} places
 * @returns {import("./steps.mjs").Step}
 */
export function nodePackages({ root }) {
  return {
    title: "Node packages (npm ci)",
    takes: "about half a minute",
    isDone: () => isInstalled(root),
    forget: () => rmSync(recordIn(root), { force: true }),
    async perform() {
      requireSpace(root, NEEDED_BYTES, "Installing the Node packages");
      const [command, ...first] = npm();
      const args = [...first, "ci", "--ignore-scripts", "--no-audit", "--no-fund", ...SETTINGS];
      // "production" would leave out the compiler that the next step needs.
      const env = { ...process.env, NODE_ENV: "development" };
      await run(command, args, { what: "Installing the Node packages", cwd: root, env });
    },
  };
}

/** The npm that runs us, else the one in PATH. @returns {[string, ...string[]]} */
function npm() {
  const path = process.env.npm_execpath;
  if (path !== undefined && basename(path) === "npm-cli.js" && existsSync(path)) {
    return [process.execPath, path];
  }
  const beside = join(
    process.execPath,
    "..",
    "..",
    "lib",
    "node_modules",
    "npm",
    "bin",
    "npm-cli.js",
  );
  if (existsSync(beside)) return [process.execPath, beside];
  return [process.platform === "win32" ? "npm.cmd" : "npm"];
}

/** @param {string} root */
function isInstalled(root) {
  const record = recordIn(root);
  if (!existsSync(record)) return false;
  const installed = readLock(record);
  // The record stays when a package's folder is removed by hand.
  const areThere = Object.keys(installed).every((path) =>
    existsSync(join(root, path, "package.json")),
  );
  return areThere && isSatisfied(readLock(join(root, "package-lock.json")), installed);
}

/** @param {string} root */
function recordIn(root) {
  return join(root, "node_modules", ".package-lock.json");
}

/**
 * @param {Record<string, Locked>} wanted `packages` of package-lock.json
 * @param {Record<string, Locked>} installed `packages` of node_modules/.package-lock.json
 */
export function isSatisfied(wanted, installed) {
  return Object.entries(wanted).every(([path, want]) => {
    if (path === "") return true;
    const have = installed[path];
    // Builds for other platforms are optional and rightly absent.
    if (have === undefined) return Boolean(want.optional || want.devOptional || want.peer);
    return have.version === want.version && have.integrity === want.integrity;
  });
}

/**
 * @param {string} path
 * @returns {Record<string, Locked>}
 */
function readLock(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
}
