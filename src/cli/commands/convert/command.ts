/** Defines `remdm convert`, which writes a checkpoint as safetensors. */
import { Command, Option } from "commander";
import { namingOf } from "../../naming.ts";
import { runCommand } from "../../runCommand.ts";
import { CHECKPOINT_HELP, readPath } from "../../usage.ts";
import type { ConvertFlags } from "./job.ts";

const NOTES = `
Makes a directory with model.safetensors, card.json and, where there is one beside the source, tokenizer.json; --checkpoint takes
it. In float32 its network gives the source's numbers exactly. Nothing that is pickled in the source is run.
All files come, or none. --force replaces these three and no others: where the source has no tokenizer.json, one that is there is deleted.
  remdm convert mdlm --out mdlm-half --dtype float16        a published checkpoint that was downloaded
  remdm convert path/to/sedd.ckpt --out sedd --weights raw`;

export function convertCommand(): Command {
  return new Command("convert")
    .description("write a checkpoint as safetensors")
    .argument("<checkpoint>", CHECKPOINT_HELP, readPath)
    .requiredOption("--out <directory>", "where to write", readPath)
    .addOption(
      new Option(
        "--weights <which>",
        "averaged or of the last step (default: ema, or what there is)",
      ).choices(["ema", "raw"]),
    )
    .addOption(
      new Option("--dtype <type>", "what the numbers are written as")
        .choices(["float32", "float16", "bfloat16"])
        .default("float32"),
    )
    .option("--force", "replace a checkpoint that is there; its tokenizer.json too")
    .option("--quiet", "no progress")
    .addHelpText("after", NOTES)
    .action(async (checkpoint: string, flags: ConvertFlags, self: Command) => {
      const frame = { naming: namingOf(self), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { convert } = await import("./job.ts");
        await convert(session, checkpoint, flags);
      });
    });
}
