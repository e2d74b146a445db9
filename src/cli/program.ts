/** Assembles the program `remdm` from its commands, and runs one command line. */
import { Command } from "commander";
import { quoted, shortened } from "../foundation/messages.ts";
import { packageVersion } from "../foundation/packageRoot.ts";
import { EXIT_FAILURE, failureOf } from "./failure.ts";
import { checkFlagValues } from "./flagValues.ts";
import { standardOutput } from "./standardOutput.ts";

/** Runs one command line; sets the exit code of the process. */
export async function main(args: readonly string[]): Promise<void> {
  standardOutput.open();
  try {
    const program = await createProgram(args);
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

/** Each command by its name, in the order of the help. What a command needs is loaded with it. */
const COMMANDS: ReadonlyMap<string, (args: readonly string[]) => Promise<Command>> = new Map([
  ["sample", async () => (await import("./commands/sample/command.ts")).sampleCommand()],
  ["fill", async () => (await import("./commands/fill/command.ts")).fillCommand()],
  ["edit", async () => (await import("./commands/edit/command.ts")).editCommand()],
  ["chat", async () => (await import("./commands/chat/command.ts")).chatCommand()],
  [
    "experiment",
    async () => (await import("./commands/experiment/command.ts")).experimentCommand(),
  ],
  ["eval", evalOrTaskCommand],
  [
    "checkpoints",
    async () => (await import("./commands/checkpoints/command.ts")).checkpointsCommand(),
  ],
  ["convert", async () => (await import("./commands/convert/command.ts")).convertCommand()],
  ["doctor", async () => (await import("./commands/doctor/command.ts")).doctorCommand()],
  ["serve", async () => (await import("./commands/serve.ts")).serveCommand()],
  ["setup", async () => (await import("./commands/setup.ts")).setupCommand()],
]);

/** `eval` has another form for tasks. */
async function evalOrTaskCommand(args: readonly string[]): Promise<Command> {
  const { evalTaskCommand, isAboutTask } = await import("./commands/eval/task/command.ts");
  if (isAboutTask(args)) return evalTaskCommand();
  return (await import("./commands/eval/command.ts")).evalCommand();
}

/**
 * @param args of the command line. A command that comes first is loaded alone, because a start
 *   waits for what is loaded; else all are, for the help and for what commander says of a wrong
 *   name.
 */
export async function createProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command("remdm")
    .description("Sample text from masked diffusion language models, with remasking.")
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(cut(text)) })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", "\nTry `npx remdm sample`, and `npx remdm help sample` for its options.");
  const named = COMMANDS.get(args[0] ?? "");
  const makers = named === undefined ? [...COMMANDS.values()] : [named];
  const commands: Command[] = [];
  for (const make of makers) commands.push(await make(args));
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
