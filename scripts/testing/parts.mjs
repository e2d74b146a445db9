/**
 * A test file says in its first line which part of the tests it belongs to: `// @part backend` or
 * `// @part slow`. A file without that line belongs to the part `unit`, which has no Python: see
 * hidePython.mjs. So the parts are disjoint, and together they are all tests.
 */
import { readFileSync } from "node:fs";
import { filesBelow } from "../setup/stamps.mjs";

/** @typedef {"unit" | "backend" | "slow"} Part */

/** @type {readonly Part[]} */
export const PARTS = ["unit", "backend", "slow"];

const MARK = /^\/\/ @part (.*)$/m;

/**
 * @param {string} source of a test file
 * @returns {Part}
 * @throws Error where the mark names no part that a file may name, or does not stand in the first line.
 */
export function partOf(source) {
  const mark = MARK.exec(source);
  if (mark === null) return "unit";
  if (mark.index !== 0) throw new Error(`"${mark[0]}" is not the file's first line.`);
  if (mark[1] === "backend" || mark[1] === "slow") return mark[1];
  throw new Error(`"${mark[0]}" names no part; a file may name backend or slow.`);
}

/**
 * @param {string} directory
 * @param {string} part
 * @returns {string[]} the paths of the part's test files below the directory
 */
export function filesOf(directory, part) {
  return filesBelow(directory).filter(
    (path) => path.endsWith(".test.ts") && partOf(readFileSync(path, "utf8")) === part,
  );
}
