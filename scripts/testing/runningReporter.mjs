/**
 * A reporter for jest: says which test files run, when none has ended for a while. Jest itself tells of a file only
 * when it has ended, and a file may take minutes.
 */
import { relative } from "node:path";
import { duration } from "../setup/say.mjs";

/** Begins each line, so that `watch` does not take it for a sign of progress. */
export const STILL_RUNNING = "still running: ";
const BEAT_MS = 20_000;

/** @typedef {{ path: string, context: { config: { rootDir: string } } }} Test */

export default class RunningReporter {
  /** Where lines go. @type {{ write(text: string): unknown }} */
  out = process.stderr;
  /** Names of files, and when each began. @type {Map<string, number>} */
  #running = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  onRunStart() {
    this.#timer = setInterval(() => this.#say(), BEAT_MS);
  }

  /** @param {Test} test */
  onTestFileStart(test) {
    this.#running.set(nameOf(test), Date.now());
  }

  /** @param {Test} test */
  onTestFileResult(test) {
    this.#running.delete(nameOf(test));
    this.#timer?.refresh();
  }

  onRunComplete() {
    clearInterval(this.#timer);
  }

  #say() {
    const files = [...this.#running].map(
      ([name, began]) => `${name} (${duration(Date.now() - began)})`,
    );
    if (files.length > 0) this.out.write(`${STILL_RUNNING}${files.join(", ")}\n`);
  }
}

/** @param {Test} test */
function nameOf({ path, context }) {
  return relative(context.config.rootDir, path);
}
