/** Runs a test runner in the open: passes its output on as it comes, and sees that it ends. */
import { spawn } from "node:child_process";
import { duration } from "../setup/say.mjs";
import { STILL_RUNNING } from "./runningReporter.mjs";

/** Jest says this, lives on for ever, and would leave exit code 0 when killed kindly. */
const LEAKED = /Jest did not exit/;
const LEAK_GRACE_MS = 3_000;
/** The longest silence: no test may take this long. */
const SILENCE_MS = 10 * 60_000;
/** A silence after which the last line is said again: pytest names the file that it is in, and then waits. */
const QUIET_MS = 30_000;
/** Characters of output that are kept for it. */
const TAIL = 400;
/** The runners name our temporary files: that is noise. */
const NOISE = /^(Test results written to: |-+ generated xml file: ).*\n/m;

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number | null, complaint: string }>}
 */
export function watch(command, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let complaint = "";
    const kill = (/** @type {string} */ why) => {
      complaint = why;
      child.kill("SIGKILL");
    };
    const silence = setTimeout(() => kill("was silent for 10 minutes and was ended"), SILENCE_MS);
    let heard = Date.now();
    let tail = "";
    const quiet = setInterval(() => {
      const last = tail.trimEnd().split("\n").at(-1) || "its start";
      process.stderr.write(`\nsilent for ${duration(Date.now() - heard)} after: ${last}\n`);
    }, QUIET_MS);
    const pass = (/** @type {NodeJS.WriteStream} */ to) => (/** @type {Buffer} */ chunk) => {
      const text = chunk.toString();
      quiet.refresh();
      if (!text.startsWith(STILL_RUNNING)) silence.refresh();
      heard = Date.now();
      tail = (tail + text).slice(-TAIL);
      to.write(text.replace(NOISE, ""));
      if (!LEAKED.test(text) || complaint !== "") return;
      complaint = "did not exit: a test leaked a handle (run it with --detectOpenHandles)";
      setTimeout(() => child.kill("SIGKILL"), LEAK_GRACE_MS).unref();
    };
    child.stdout.on("data", pass(process.stdout));
    child.stderr.on("data", pass(process.stderr));
    const end = () => child.kill("SIGKILL");
    process.once("exit", end);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(silence);
      clearInterval(quiet);
      process.removeListener("exit", end);
      resolve({ code, complaint });
    });
  });
}
