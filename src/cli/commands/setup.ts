/**
 * Defines `remdm setup`, which makes the Python environment with the script that `npm start` uses.
 */
import { spawn } from "node:child_process";
import { Command } from "commander";
import { packagePath } from "../../foundation/packageRoot.ts";
import { EXIT_FAILURE } from "../failure.ts";
import { runCommand } from "../runCommand.ts";

const NOTES = `
The environment goes into $REMDM_HOME/venv, or ~/.cache/remdm/venv (in a checkout: .venv), about 1 GB.
With REMDM_PYTHON set, or a virtual or conda environment active, that one gets what it lacks instead;
conda's base environment is left alone. Run it again at any time: what is there and works is kept.`;

interface SetupFlags {
  readonly repair?: true;
}

export function setupCommand(): Command {
  return new Command("setup")
    .description("make the Python environment that the backend runs in")
    .option("--repair", "make the environment anew")
    .addHelpText("after", NOTES)
    .action(async ({ repair }: SetupFlags) => {
      const args = repair ? ["--repair"] : [];
      process.exitCode = await runCommand({ ownSignals: true }, async ({ exitWith }) => {
        exitWith(await runSetup(args));
      });
    });
}

function runSetup(args: readonly string[]): Promise<number> {
  const script = packagePath("scripts", "setup.mjs");
  const child = spawn(process.execPath, [script, ...args], { stdio: "inherit" });
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
