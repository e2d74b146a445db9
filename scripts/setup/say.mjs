/** What the set-up says while it works: to standard error, so that results stay alone on standard output. */

import { problemOf } from "./diagnose.mjs";

const PLAIN_BEAT_MS = 15_000;
const LIVE_BEAT_MS = 500;

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Prints a failure the way the command line does, and sets the exit code.
 * @param {unknown} error
 */
export function report(error) {
  process.exitCode = 1;
  const problem = problemOf(error);
  if (problem === null) {
    say(error instanceof Error ? String(error.stack) : String(error));
    return;
  }
  if (problem.details !== "") say(`\n${problem.details}\n`);
  say(`error: ${problem.message}`);
  say(`  ${problem.remedy}`);
}

/** @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * The line of a program's output that says best what it does at the moment.
 * @param {string} output its last characters
 */
export function activity(output) {
  const lines = output.split(/[\r\n]+/).map((line) => line.trim());
  const telling = lines.filter((line) =>
    /^(Collecting|Downloading|Installing|Building) /.test(line),
  );
  const last = telling.at(-1) ?? "";
  return last.replace(/^Installing collected packages: (.*)$/, (_, names) => {
    return `Installing ${names.split(",").length} packages`;
  });
}

/**
 * Shows that something goes on: a running line on a terminal, a plain line every 15 s elsewhere.
 * @returns {{ note(output: string): void, stop(): void }}
 */
export function heartbeat() {
  const started = Date.now();
  const live = process.stderr.isTTY === true;
  let recent = "";
  const timer = setInterval(
    () => {
      const doing = activity(recent);
      const line = `      ${duration(Date.now() - started)}${doing === "" ? "" : `  ${doing}`}`;
      if (!live) say(line);
      else process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    },
    live ? LIVE_BEAT_MS : PLAIN_BEAT_MS,
  );
  return {
    note(output) {
      recent = output;
    },
    stop() {
      clearInterval(timer);
      if (live) process.stderr.write("\r\x1b[2K");
    },
  };
}
