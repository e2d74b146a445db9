/** Runs a test runner in the open: passes its output on as it comes, and sees that it ends. */
import { spawn } from "node:child_process";

/** Jest says this, lives on for ever, and would leave exit code 0 when killed kindly. */
const LEAKED = /Jest did not exit/;
const LEAK_GRACE_MS = 3_000;
/** The longest silence: no test may take this long. */
const SILENCE_MS = 10 * 60_000;
/** Of jest's standard output only this is noise: it names our temporary file. */
const NOISE = /^Test results written to: .*\n/m;

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
    const pass = (/** @type {NodeJS.WriteStream} */ to) => (/** @type {Buffer} */ chunk) => {
      silence.refresh();
      const text = chunk.toString();
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
      process.removeListener("exit", end);
      resolve({ code, complaint });
    });
  });
}
