/** Defines `remdm eval` and its options. */
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_MAUVE } from "../../../evaluation/judge/mauveSettings.ts";
import { DEVICES } from "../../../backend/device.ts";
import { namingOf, type Naming } from "../../naming.ts";
import { runCommand } from "../../runCommand.ts";
import { readDevice, readInteger, readNumber, readPath } from "../../usage.ts";
import { DEFAULT_JUDGE, type EvalFlags } from "./flags.ts";

const EXAMPLES = `
Examples:
  remdm eval samples.jsonl                            entropy, perplexity by the bundled judge, diversity
  remdm eval samples.jsonl --references held-out.txt  MAUVE and the references' own numbers too
  remdm eval samples.jsonl --references held-out.txt --mauve  the same, and a failure where MAUVE cannot be computed
  remdm eval samples.jsonl --no-judge                 what needs no model
  remdm eval generated_seqs.json --references openwebtext.jsonl --judge path/to/gpt2-large --device cuda
  remdm eval samples.jsonl --references held-out.txt --original generated_seqs.json
  remdm eval --task task.jsonl --help                 another form, which evaluates a model on a task

SAMPLES is a .jsonl file as remdm sample --out writes it (or with a text a line), what remdm sample --json
prints, or the original repository's JSON. References are plain text, or .jsonl with a text a line; both
are cut into pieces as long as the samples. What the numbers mean, and when samples count as collapsed:
docs/evaluation.md. Perplexity and MAUVE are left out, with a note, where they cannot be computed; that is
a failure only where --judge, --mauve, --mauve-seeds or --mauve-scale asks for them.
Exit codes: 0 (also when samples have collapsed), 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function evalCommand(): Command {
  return new Command("eval")
    .description(
      "measure samples: entropy, perplexity, MAUVE, diversity, signs of a collapse; with --task, a model",
    )
    .argument("<samples>", "a file of samples", readPath)
    .optionsGroup("References:")
    .option("--references <file>", "text that people wrote, to compare with", readPath)
    .addOption(
      new Option(
        "--reference-unit <name>",
        "what the text is cut into: window is as long as a sample",
      )
        .choices(["window", "paragraph", "text"])
        .default("window"),
    )
    .option("--reference-count <n>", "how many at most (default: as many as samples)", readInteger)
    .option(
      "--words <file>",
      "text whose words are known (default: plain-text references)",
      readPath,
    )
    .option(
      "--tokenizer <file>",
      "gpt2, demo, or a tokenizer.json (default: what fits the samples)",
      readPath,
    )
    .optionsGroup("Judge:")
    .option(
      "--judge <model>",
      `demo-ar, a Hugging Face directory with a causal language model, or an AR checkpoint (default: ${DEFAULT_JUDGE})`,
      readPath,
    )
    .option("--no-judge", "no perplexity and no MAUVE")
    .option(
      "--judge-tokenizer <file>",
      "the judge's tokenizer.json, gpt2 or demo (default: the one beside it, else what fits its size)",
      readPath,
    )
    .option(
      "--raw-weights",
      "the judge's weights of the last training step, not the averaged (EMA) ones",
    )
    .option("--device <name>", DEVICES, readDevice, "auto")
    .option("--batch-size <n>", "texts in one call of the judge", readInteger)
    .option(
      "--max-length <n>",
      "tokens that the judge reads of a text (default: 1024, or its own limit where that is less)",
      readInteger,
    )
    .optionsGroup("MAUVE:")
    .option("--mauve", "MAUVE, and a failure where it cannot be computed (default: where it can)")
    .option("--no-mauve", "no MAUVE, where there are references")
    .option(
      "--mauve-seeds <list>",
      `seeds of k-means, a score each (default: ${DEFAULT_MAUVE.seeds.join(",")})`,
      readSeeds,
    )
    .option(
      "--mauve-scale <x>",
      `scale of the divergences (default: ${DEFAULT_MAUVE.scale})`,
      readNumber,
    )
    .optionsGroup("Output:")
    .option("--json", "print one JSON object")
    .option("--out <file.json>", "write that object into a file", readPath)
    .option(
      "--original <file.json>",
      "write samples and scores as the original repository does",
      readPath,
    )
    .option("--force", "replace the files of --out and --original when they exist")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (samples: string, flags: EvalFlags, self: Command) => {
      const frame = { naming: evalNaming(self), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { measure } = await import("./job.ts");
        await measure(session, samples, flags);
      });
    });
}

/** How `remdm eval` calls the options of the judge and of the references. */
export function evalNaming(command: Command): Naming {
  return namingOf(command, {
    model: "--judge",
    unit: "--reference-unit",
    count: "--reference-count",
  });
}

/** For commander: `1,2,3`. */
function readSeeds(text: string): number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => /^\d+$/.test(part))) return parts.map(Number);
  throw new InvalidArgumentError("It must be whole numbers with commas between them: 1,2,3.");
}
