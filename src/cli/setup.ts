/** `remdm setup`: makes the Python environment, with the same script that `npm start` uses. */
import { spawn } from "node:child_process";
import { Command } from "commander";
import { packagePath } from "../packageRoot.ts";
import { EXIT_FAILURE } from "./failure.ts";

const NOTES = `
The environment goes into $REMDM_HOME/venv, or ~/.cache/remdm/venv (in a checkout: .venv), about 1 GB.
With REMDM_PYTHON set or a conda environment active, that one gets what it lacks in its place.
Run it again at any time: what is done is not done again.`;

export function setupCommand(): Command {
  return new Command("setup")
    .description("make the Python environment that the backend runs in")
    .addHelpText("after", NOTES)
    .action(async () => {
      process.exitCode = await runSetup();
    });
}

function runSetup(): Promise<number> {
  const script = packagePath("scripts", "setup.mjs");
  const child = spawn(process.execPath, [script], { stdio: "inherit" });
  // Ctrl-C reaches the child by itself; we stay until it has tidied up.
  const stay = (): void => undefined;
  const pass = (): void => {
    child.kill("SIGTERM");
  };
  process.on("SIGINT", stay).on("SIGTERM", pass);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      process.off("SIGINT", stay).off("SIGTERM", pass);
      resolve(code ?? EXIT_FAILURE);
    });
  });
}
