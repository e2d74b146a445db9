/** Defines `remdm doctor`, which says what is there, what is missing, and what to do about it. */
import { Command } from "commander";
import { EXIT_FAILURE } from "../../failure.ts";
import { runCommand } from "../../runCommand.ts";
import { CHECKPOINT_HELP, readPath } from "../../usage.ts";

interface DoctorFlags {
  readonly checkpoint: string;
  readonly json?: true;
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("say what is installed and whether the backend answers")
    .option("--checkpoint <file>", `the checkpoint to try: ${CHECKPOINT_HELP}`, readPath, "demo")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExit code 0 when samples can be drawn, 1 when not.")
    .action(async ({ checkpoint, json }: DoctorFlags) => {
      process.exitCode = await runCommand({}, async ({ signal, print, exitWith }) => {
        const { describe, examine } = await import("./examination.ts");
        const examination = await examine(checkpoint, signal);
        print(`${json ? JSON.stringify(examination, null, 2) : describe(examination)}\n`);
        if (!examination.ok) exitWith(EXIT_FAILURE);
      });
    });
}
