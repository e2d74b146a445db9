/** Defines `remdm chat`. */
import { Command } from "commander";
import { runCommand } from "../../runCommand.ts";
import { CHECKPOINT_HELP, readInteger, readPath } from "../../usage.ts";
import { sampleNaming } from "../sample/command.ts";
import { addDrawFlags, addModelFlags, addRunFlags, addStrategyFlags } from "../sample/options.ts";
import type { ChatFlags } from "./flags.ts";

const EXAMPLES = `
Examples:
  remdm chat --checkpoint GSAI-ML/LLaDA-8B-Instruct --strategy confidence --temperature 0
  remdm chat --checkpoint models/mine --system "Answer in one sentence." --answer-length 64
  echo "Who wrote Hamlet?" | remdm chat --checkpoint models/mine --quiet

In a terminal: /reset forgets the conversation, /exit or Ctrl-D ends the session. Ctrl-C ends the answer
that forms, or the session where none does. Elsewhere each line of standard input is a message (/reset and
/exit count there too, blank lines do not), and the answers alone go to standard output. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function chatCommand(): Command {
  const command = new Command("chat")
    .description("talk to a model that has a chat template")
    .optionsGroup("Chat:")
    .option("--system <text>", "what the model is told before the first message")
    .option(
      "--answer-length <n>",
      "most tokens of an answer (default: 128, at most half of the model's length)",
      readInteger,
    )
    .option(
      "--block-length <n>",
      "tokens of a block: an answer forms block by block, each in --steps steps (default: 32)",
      readInteger,
    )
    .option(
      "--template-option <name=value...>",
      "a variable of the chat template, its value in JSON or as a text: enable_thinking=false",
    )
    .optionsGroup("Model:")
    .requiredOption("--checkpoint <file>", CHECKPOINT_HELP, readPath);
  addStrategyFlags(addRunFlags(addDrawFlags(addModelFlags(command))));
  return command
    .optionsGroup("Output:")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: ChatFlags, self: Command) => {
      const naming = sampleNaming(self, flags);
      const frame = { naming, quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { chat } = await import("./job.ts");
        await chat(session, flags, naming);
      });
    });
}
