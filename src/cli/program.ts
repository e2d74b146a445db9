/** Assembles the program `remdm` from its commands, and runs one command line. */
import { Command } from "commander";
import { quoted, shortened } from "../foundation/messages.ts";
import { packageVersion } from "../foundation/packageRoot.ts";
import { chatCommand } from "./commands/chat/command.ts";
import { checkpointsCommand } from "./commands/checkpoints/command.ts";
import { convertCommand } from "./commands/convert/command.ts";
import { doctorCommand } from "./commands/doctor/command.ts";
import { editCommand } from "./commands/edit/command.ts";
import { evalCommand } from "./commands/eval/command.ts";
import { evalTaskCommand, isAboutTask } from "./commands/eval/task/command.ts";
import { experimentCommand } from "./commands/experiment/command.ts";
import { fillCommand } from "./commands/fill/command.ts";
import { sampleCommand } from "./commands/sample/command.ts";
import { serveCommand } from "./commands/serve.ts";
import { setupCommand } from "./commands/setup.ts";
import { EXIT_FAILURE, failureOf } from "./failure.ts";
import { checkFlagValues } from "./flagValues.ts";
import { standardOutput } from "./standardOutput.ts";

/** Runs one command line; sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  standardOutput.open();
  try {
    const program = createProgram(args);
    checkFlagValues(program, args);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    const { code, text } = failureOf(error);
    process.stderr.write(text);
    process.exitCode = code;
  }
  const failure = await standardOutput.failure();
  if (failure === undefined) return;
  process.stderr.write(failureOf(failure).text);
  process.exitCode = EXIT_FAILURE;
}

const LONG_WORD = /(unknown command|unknown option|argument|value) '(.{81,})'(?= is invalid|\n|$)/s;

/** Cuts what commander quotes of the command line, which may be a whole prompt. */
function cut(message: string): string {
  return shortened(
    message.replace(LONG_WORD, (_, what: string, word: string) => `${what} ${quoted(word)}`),
  );
}

/** @param args of the command line: `eval` has another form for tasks. */
export function createProgram(args: readonly string[] = []): Command {
  const program = new Command("remdm")
    .description("Sample text from masked diffusion language models, with remasking.")
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(cut(text)) })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", "\nTry `npx remdm sample`, and `npx remdm help sample` for its options.");
  const commands = [
    sampleCommand(),
    fillCommand(),
    editCommand(),
    chatCommand(),
    experimentCommand(),
    isAboutTask(args) ? evalTaskCommand() : evalCommand(),
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
