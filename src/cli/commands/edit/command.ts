/** Defines `remdm edit`. */
import { Command } from "commander";
import { runCommand } from "../../runCommand.ts";
import { readNumber } from "../../usage.ts";
import { sampleNaming } from "../sample/command.ts";
import { addSharedFlags } from "../sample/options.ts";
import type { EditFlags } from "./flags.ts";

const EXAMPLES = `
Examples:
  remdm edit "ROMEO: O, she doth teach the torches" --suspect 0.3 --t0 0.5
  remdm edit "$(cat draft.txt)" --suspect 0.5 --t0 0.3 --strategy remdm-rescale --eta 0.2 --samples 4

A share of the tokens, drawn by --seed, is suspect. Each of these is masked with the chance of --t0 and
sampled from there; those that were not masked can still be remasked. All other tokens stay.
The strategy of an mdlm model is by default remdm-cap. Results go to standard output.`;

export function editCommand(): Command {
  const command = new Command("edit")
    .description("edit a share of a draft")
    .argument("<draft>", "the text to be edited, at most as many tokens as the model takes")
    .optionsGroup("Edit:")
    .requiredOption(
      "--suspect <share>",
      "share of the tokens that may change, in (0, 1]",
      readNumber,
    )
    .requiredOption(
      "--t0 <t>",
      "time at which the run begins, in (1e-5, 1]; 1 redraws",
      readNumber,
    );
  return addSharedFlags(command)
    .addHelpText("after", EXAMPLES)
    .action(async (draft: string, flags: EditFlags, self: Command) => {
      const frame = { naming: sampleNaming(self, flags), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { edit } = await import("./job.ts");
        await edit(session, draft, flags);
      });
    });
}
