/** `remdm eval`: its options. */
import { Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_MAUVE } from "../evaluation/mauveSettings.ts";
import type { ReferenceUnit } from "../evaluation/referencesFile.ts";
import { DEVICES, type Device } from "../device.ts";
import { readDevice, readInteger, readNumber } from "./usage.ts";

/** The flags as commander hands them over; ranges are not checked yet. */
export interface EvalFlags {
  readonly references?: string;
  readonly referenceUnit: ReferenceUnit;
  readonly referenceCount?: number;
  readonly words?: string;
  readonly tokenizer?: string;
  /** false: --no-judge. */
  readonly judge: string | false;
  readonly judgeTokenizer?: string;
  readonly device: Device;
  readonly batchSize?: number;
  readonly maxLength?: number;
  /** false: --no-mauve. */
  readonly mauve: boolean;
  readonly mauveSeeds: readonly number[];
  readonly mauveScale: number;
  readonly json?: true;
  readonly out?: string;
  readonly original?: string;
  readonly force?: true;
  readonly quiet?: true;
}

const EXAMPLES = `
Examples:
  remdm eval samples.jsonl                            entropy, perplexity by the bundled judge, diversity
  remdm eval samples.jsonl --references held-out.txt  MAUVE and the references' own numbers too
  remdm eval samples.jsonl --no-judge                 what needs no model
  remdm eval generated_seqs.json --references openwebtext.jsonl --judge path/to/gpt2-large --device cuda
  remdm eval samples.jsonl --references held-out.txt --original generated_seqs.json

SAMPLES is a .jsonl file as remdm sample --out writes it (or with a text a line), what remdm sample --json
prints, or the original repository's JSON. References are plain text, or .jsonl with a text a line; both
are cut into pieces as long as the samples. What the numbers mean, and when samples count as collapsed:
docs/evaluation.md.
Exit codes: 0 (also when samples have collapsed), 1 for a failure (also of MAUVE alone), 2 for bad usage,
130 after Ctrl-C.`;

export function evalCommand(): Command {
  return new Command("eval")
    .description("measure samples: entropy, perplexity, MAUVE, diversity, signs of a collapse")
    .argument("<samples>", "a file of samples")
    .optionsGroup("References:")
    .option("--references <file>", "text that people wrote, to compare with")
    .addOption(
      new Option(
        "--reference-unit <name>",
        "what the text is cut into: window is as long as a sample",
      )
        .choices(["window", "paragraph", "text"])
        .default("window"),
    )
    .option("--reference-count <n>", "how many at most (default: as many as samples)", readInteger)
    .option("--words <file>", "text whose words are known (default: plain-text references)")
    .option(
      "--tokenizer <file>",
      "gpt2, demo, or a tokenizer.json (default: what fits the samples)",
    )
    .optionsGroup("Judge:")
    .option(
      "--judge <model>",
      "demo-ar, a Hugging Face directory with a causal language model, or an AR checkpoint",
      "demo-ar",
    )
    .option("--no-judge", "no perplexity and no MAUVE")
    .option(
      "--judge-tokenizer <file>",
      "the judge's tokenizer.json, gpt2 or demo (default: the one beside it, else what fits its size)",
    )
    .option("--device <name>", DEVICES, readDevice, "auto")
    .option("--batch-size <n>", "texts in one call of the judge", readInteger)
    .option(
      "--max-length <n>",
      "tokens that the judge reads of a text (default: 1024, or its own limit where that is less)",
      readInteger,
    )
    .optionsGroup("MAUVE:")
    .option("--no-mauve", "no MAUVE, where there are references")
    .addOption(
      new Option("--mauve-seeds <list>", "seeds of k-means, a score each")
        .argParser(readSeeds)
        .default(DEFAULT_MAUVE.seeds, DEFAULT_MAUVE.seeds.join(",")),
    )
    .option("--mauve-scale <x>", "scale of the divergences", readNumber, DEFAULT_MAUVE.scale)
    .optionsGroup("Output:")
    .option("--json", "print one JSON object")
    .option("--out <file.json>", "write that object into a file")
    .option("--original <file.json>", "write samples and scores as the original repository does")
    .option("--force", "replace the files of --out and --original when they exist")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (samples: string, flags: EvalFlags) => {
      const { runEval } = await import("./evalJob.ts");
      process.exitCode = await runEval(samples, flags);
    });
}

/** For commander: `1,2,3`. */
function readSeeds(text: string): number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => /^\d+$/.test(part))) return parts.map(Number);
  throw new InvalidArgumentError("It must be whole numbers with commas between them: 1,2,3.");
}
