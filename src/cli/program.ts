/** The program `remdm`: its commands, and how their failures become exit codes. */
import { Command } from "commander";
import { shortened } from "../foundation/messages.ts";
import { packageVersion } from "../foundation/packageRoot.ts";
import { checkpointsCommand } from "./commands/checkpoints.ts";
import { convertCommand } from "./commands/convert.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { experimentCommand } from "./commands/experiment.ts";
import { failureOf } from "./failure.ts";
import { sampleCommand } from "./commands/sample.ts";
import { serveCommand } from "./commands/serve.ts";
import { setupCommand } from "./commands/setup.ts";

/** Runs one command line; sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    const { code, text } = failureOf(error);
    process.stderr.write(text);
    process.exitCode = code;
  }
}

export function createProgram(): Command {
  const program = new Command("remdm")
    .description("Sample text from masked diffusion language models, with remasking.")
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(shortened(text)) })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", "\nTry `npx remdm sample`, and `npx remdm help sample` for its options.");
  const commands = [
    sampleCommand(),
    experimentCommand(),
    evalCommand(),
    checkpointsCommand(),
    convertCommand(),
    doctorCommand(),
    serveCommand(),
    setupCommand(),
  ];
  for (const command of commands) {
    command.copyInheritedSettings(program);
    // Its action tells which of its parts was meant; commander only counts words.
    if (command.commands.length > 0) command.allowExcessArguments();
    for (const part of command.commands) part.copyInheritedSettings(program);
    for (const one of [command, ...command.commands]) {
      one.showHelpAfterError(`  See \`npx remdm help ${command.name()}\`.`);
    }
    program.addCommand(command);
  }
  return program.showHelpAfterError("  See `npx remdm --help`.");
}
