/**
 * Stamps say that a step is done: the hash of all that it depends on, in a file inside what it made,
 * so that whoever deletes the one deletes the other. Written when the step has ended, hence a step
 * that was killed is done again.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const NAME = ".remdm-setup.json";

/**
 * @param {string} directory
 * @returns {Record<string, string>} step -> hash; empty when nothing is recorded
 */
export function readStamps(directory) {
  try {
    const parsed = JSON.parse(readFileSync(join(directory, NAME), "utf8"));
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch (error) {
    if (error instanceof SyntaxError || isAbsent(error)) return {};
    throw error;
  }
}

/**
 * @param {string} directory
 * @param {string} step
 * @param {string} hash
 */
export function writeStamp(directory, step, hash) {
  replaceStamps(directory, { ...readStamps(directory), [step]: hash });
}

/**
 * Called before a step changes what it once made: killed half-way, it must not look done.
 * @param {string} directory
 * @param {string} step
 */
export function clearStamp(directory, step) {
  const { [step]: cleared, ...rest } = readStamps(directory);
  if (cleared === undefined) return;
  if (Object.keys(rest).length === 0) rmSync(join(directory, NAME));
  else replaceStamps(directory, rest);
}

/**
 * @param {string} directory
 * @param {Record<string, string>} stamps
 */
function replaceStamps(directory, stamps) {
  const temporary = join(directory, `${NAME}.${process.pid}`);
  writeFileSync(temporary, `${JSON.stringify(stamps, null, 2)}\n`);
  renameSync(temporary, join(directory, NAME));
}

/**
 * @param {readonly string[]} files paths; an absent one counts as such
 * @param {readonly string[]} [facts] whatever else the step depends on
 */
export function hashOf(files, facts = []) {
  const hash = createHash("sha256");
  for (const fact of facts) hash.update(`fact ${fact}\0`);
  for (const file of files) hash.update(`file ${file}\0`).update(contents(file)).update("\0");
  return hash.digest("hex");
}

/**
 * All files below a directory, in an order that depends on their names alone.
 * @param {string} directory
 * @returns {string[]}
 */
export function filesBelow(directory) {
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
}

/** @param {string} file */
function contents(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return "absent";
    throw error;
  }
}

/** @param {unknown} error */
function isAbsent(error) {
  const code = /** @type {NodeJS.ErrnoException} */ (error).code;
  return code === "ENOENT" || code === "ENOTDIR";
}
