/** Runs a program quietly: its output is kept for the case of failure, a heartbeat shows it is alive. */
import { spawn } from "node:child_process";
import { diagnose } from "./diagnose.mjs";
import { heartbeat } from "./say.mjs";
import { SetupProblem } from "./problem.mjs";

const KEPT_CHARACTERS = 200_000;

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ what: string, cwd: string, env?: NodeJS.ProcessEnv }} options `what` names the action in
 *   the message of a failure: "Installing the Node packages"
 * @returns {Promise<string>} the output
 */
export async function run(command, args, { what, cwd, env = process.env }) {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const beat = heartbeat();
  let output = "";
  const keep = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk.toString()).slice(-KEPT_CHARACTERS);
    beat.note(output.slice(-2000));
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);

  // Not SIGTERM: on Ctrl-C pip and npm remove their temporary files.
  const stop = () => child.kill("SIGINT");
  process.once("exit", stop);
  try {
    const exit = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve(code === 0 ? "" : signal === null ? `exit code ${code}` : `ended by ${signal}`),
      );
    });
    if (exit !== "") throw diagnose(what, output, exit);
    return output;
  } catch (error) {
    if (error instanceof SetupProblem) throw error;
    throw new SetupProblem(
      `${what} failed: ${command} cannot be started (${/** @type {Error} */ (error).message}).`,
      "Check that it is installed and in PATH, then run this again.",
    );
  } finally {
    beat.stop();
    process.removeListener("exit", stop);
  }
}
