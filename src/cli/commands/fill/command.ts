/** Defines `remdm fill`. */
import { Command } from "commander";
import { runCommand } from "../../runCommand.ts";
import { sampleNaming } from "../sample/command.ts";
import type { SampleFlags } from "../sample/flags.ts";
import { addSharedFlags } from "../sample/options.ts";

const EXAMPLES = `
Examples:
  remdm fill "The[8] sat on the[4]."                   the bundled model, ReMDM-loop
  remdm fill "ROMEO:[6] fair[4]." --steps 64 --samples 4 --seed random
  remdm fill "The[8] sat on the[4]." --json --quiet     each sample with its gaps

[8] is a gap of eight tokens, and \\[8] the text "[8]". Leave the blank before a word to the gap, as
here: most tokenizers have it at the beginning of a word's token. The text around the gaps stays as it is.
Results go to standard output, progress to standard error.`;

export function fillCommand(): Command {
  const command = new Command("fill")
    .description("fill the gaps of a text")
    .argument("<text>", "a text with gaps, each written as its number of tokens: [8]");
  return addSharedFlags(command)
    .addHelpText("after", EXAMPLES)
    .action(async (text: string, flags: SampleFlags, self: Command) => {
      const frame = { naming: sampleNaming(self, flags), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { fill } = await import("./job.ts");
        await fill(session, text, flags);
      });
    });
}
