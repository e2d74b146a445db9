/** Defines the form of `remdm eval` that evaluates a model on a task. */
import { Command, Option } from "commander";
import { SCORERS } from "../../../../evaluation/tasks/scorers.ts";
import { runCommand } from "../../../runCommand.ts";
import { readInteger, readPath } from "../../../usage.ts";
import { sampleNaming } from "../../sample/command.ts";
import { addSamplingFlags } from "../../sample/options.ts";
import type { TaskFlags } from "./flags.ts";

const EXAMPLES = `
Examples:
  remdm eval --task task.jsonl --checkpoint path/to/model --answer-length 64
  remdm eval --task task.jsonl --strategy mdlm --out mdlm.jsonl
  remdm eval --task task.jsonl --strategy remdm-cap --against mdlm.jsonl    the paired difference too
  remdm eval --task task.jsonl --repeats 4 --out answers.jsonl --resume     goes on where it was stopped

A task has an item a line: { "prompt": "2 + 2 =", "expected": "4", "scorer": "number" }. Scorers are
${SCORERS.join(", ")}; docs/tasks.md says what each compares.
Results go to standard output, progress to standard error. Ctrl-C stops; answers that were finished stay
in the file of --out. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

/** Tells whether a command line of `remdm eval` is about a task. */
export function isAboutTask(args: readonly string[]): boolean {
  return args[0] === "eval" && args.some((arg) => /^--task(=|$)/.test(arg));
}

export function evalTaskCommand(): Command {
  const command = new Command("eval")
    .description("evaluate a model on a task: sample an answer to each item, and score the answers")
    .optionsGroup("Task:")
    .requiredOption("--task <file.jsonl>", "the items, one a line", readPath)
    .addOption(new Option("--scorer <name>", "of items that name none").choices(SCORERS))
    .option("--repeats <n>", "answers to each item", readInteger, 1)
    .option("--limit <n>", "the first items of the file only", readInteger)
    .option(
      "--answer-length <n>",
      "tokens of an answer (default: 128, or what the model has room for)",
      readInteger,
    )
    .option(
      "--block-length <n>",
      "tokens of a block: answers are generated block by block, each in --steps steps",
      readInteger,
    )
    .option(
      "--likelihood-samples <n>",
      "choice: sets of masks that estimate a likelihood (default: 128)",
      readInteger,
    )
    .addOption(
      new Option(
        "--choice-score <name>",
        "choice: by the likelihood of the whole, or its logarithm per character (default: total)",
      ).choices(["total", "per-character"]),
    )
    .option("--concurrency <n>", "items that are answered at a time (default: 4)", readInteger);
  return addSamplingFlags(command, { samples: false })
    .optionsGroup("Output:")
    .option(
      "--against <answers.jsonl>",
      "an earlier file of --out: tell the paired difference to it",
      readPath,
    )
    .option("--json", "print one JSON object")
    .option("--out <file.jsonl>", "keep each answer in a file as soon as it is finished", readPath)
    .option("--resume", "go on with the file of --out, of the same settings, when it exists")
    .option("--force", "replace the file of --out when it exists")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: TaskFlags, self: Command) => {
      const frame = { naming: sampleNaming(self, flags), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { evaluateOnTask } = await import("./job.ts");
        await evaluateOnTask(session, flags);
      });
    });
}
