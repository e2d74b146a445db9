/** Defines `remdm experiment` and its options. */
import { Command, InvalidArgumentError } from "commander";
import { DEVICES } from "../../../backend/device.ts";
import { PRESETS } from "../../../experiment/file/presets.ts";
import { runCommand } from "../../runCommand.ts";
import { CHECKPOINT_HELP, readDevice, readInteger, readPath } from "../../usage.ts";
import type { ExperimentFlags } from "./job.ts";

const EXAMPLES = `
Examples:
  remdm experiment headline.yaml --out headline       sample, evaluate, tabulate, draw; again after an interruption: goes on
  remdm experiment headline.yaml --dry-run            its cells, and what they cost
  remdm experiment --preset remdm-cap --checkpoint mdlm.ckpt --judge gpt2-large --references owt.jsonl --out cap
  remdm experiment --preset remdm-loop --checkpoint mdlm.ckpt --no-judge --steps 128,256,512 --print > mine.yaml

Presets are the original repository's scripts: ${PRESETS.join(", ")}.
The table goes to standard output, progress to standard error. Ctrl-C keeps every sample that is finished.
Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C. docs/experiments.md says what a file may say.`;

export function experimentCommand(): Command {
  return new Command("experiment")
    .description("sample and evaluate a grid of models, strategies and settings")
    .argument("[file]", "the experiment, YAML or JSON", readPath)
    .optionsGroup("Preset, instead of a file:")
    .option("--preset <name>", "a script of the original repository")
    .option("--checkpoint <file>", `the model: ${CHECKPOINT_HELP}`, readPath)
    .option("--raw-weights", "its weights of the last training step, not the averaged (EMA) ones")
    .option(
      "--judge <model>",
      "a directory with GPT-2 large, for the published setting; or demo-ar",
      readPath,
    )
    .option("--no-judge", "neither perplexity nor MAUVE")
    .option("--references <file>", "real texts, for MAUVE", readPath)
    .option("--samples <n>", "how many (default: the original's 5,000)", readInteger)
    .option("--steps <n,n>", "denoising steps (default: the original's 1,024)", readSteps)
    .option("--print", "print the experiment file that it stands for, and end")
    .optionsGroup("Run:")
    .option("--out <directory>", "where results go (default: the experiment's name)", readPath)
    .option("--device <name>", `${DEVICES}, instead of the file's`, readDevice)
    .option("--dry-run", "list the cells and their cost, and end")
    .option("--original", "each cell also in the original's JSON format")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, flags: ExperimentFlags) => {
      process.exitCode = await runCommand({ quiet: flags.quiet }, async (session) => {
        const { experiment } = await import("./job.ts");
        await experiment(session, file, flags);
      });
    });
}

function readSteps(text: string): number[] {
  const steps = text.split(",").map((part) => readInteger(part.trim()));
  if (new Set(steps).size === steps.length) return steps;
  throw new InvalidArgumentError("A number of steps stands there twice.");
}
