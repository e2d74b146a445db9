/** Defines `remdm sample` and its options. */
import { Command, Option } from "commander";
import { DEVICES } from "../../../backend/device.ts";
import { DEFAULT_TOP_P } from "../../../sampler/prepare.ts";
import { isModuleName } from "../../../program/loadExport.ts";
import { STRATEGY_HELP, STRATEGY_SETTINGS } from "../../../sampler/strategies/notation.ts";
import { namingOf, type Naming } from "../../naming.ts";
import type { SampleFlags } from "./flags.ts";
import { strategyFlags } from "./strategyOptions.ts";
import { collectTokens } from "./tokenNames.ts";
import { runCommand } from "../../runCommand.ts";
import {
  CHECKPOINT_HELP,
  readDevice,
  readInteger,
  readNumber,
  readPath,
  readSeed,
} from "../../usage.ts";

const EXAMPLES = `
Examples:
  remdm sample                                        the bundled model, ReMDM-loop
  remdm sample --strategy remdm-cap --eta 0.04 --steps 256 --samples 4 --out samples.jsonl
  remdm sample --checkpoint mdlm.ckpt --steps 1024    a published checkpoint
  remdm sample --strategy remdm-rescale+conf+loop --prompt "ROMEO:"
  remdm sample --strategy confidence --strategy-option of=drawn --temperature 0    LLaDA's rule
  remdm sample --checkpoint mdlm.ckpt --executor dense --predictor ddpm_cache --strategy mdlm --seed 1
  remdm sample --guide ./mine.js#reward --particles 8  steered by a function of yours, docs/guide.md
  remdm sample --json --quiet > samples.json

Results go to standard output, progress to standard error. Ctrl-C stops within a second; samples that had
finished stay in the file of --out. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function sampleCommand(): Command {
  const command = new Command("sample")
    .description("draw samples from a checkpoint")
    .optionsGroup("Model:")
    .option("--checkpoint <file>", CHECKPOINT_HELP, readPath, "demo")
    .option(
      "--tokenizer <file>",
      "gpt2, demo, or a tokenizer.json (default: what fits the model)",
      readPath,
    )
    .option("--raw-weights", "the weights of the last training step, not the averaged (EMA) ones")
    .addOption(
      new Option("--dtype <type>", "what the network computes in")
        .choices(["float32", "bfloat16"])
        .default("float32"),
    )
    .option("--device <name>", DEVICES, readDevice, "auto")
    .optionsGroup("Sampling:")
    .option(
      "--strategy <name>",
      `${STRATEGY_HELP}; or your own: ./mine.js#name (default: remdm-loop, or what the model has)`,
    )
    .addOption(
      new Option("--predictor <name>", "the original's name for ddpm and analytic").choices([
        "ddpm_cache",
        "ddpm",
        "analytic",
      ]),
    )
    .option(
      "--steps <n>",
      "denoising steps (default: one for each token; ar, first-hitting, threshold, factor, entropy-bounded and editing have none)",
      readInteger,
    )
    .option(
      "--top-p <p>",
      `nucleus mass in (0, 1]; 1 keeps every token (default: ${DEFAULT_TOP_P}; 1 for ddpm, analytic)`,
      readNumber,
    )
    .option(
      "--temperature <t>",
      "what the logits are divided by, 0 or above; 0 takes the likeliest token (default: 1)",
      readNumber,
    )
    .option("--top-k <k>", "how many of the likeliest tokens are kept (default: all)", readInteger)
    .option(
      "--ban <tokens...>",
      "tokens that are never drawn: ids, or texts that are one token each ('\"7\"' is a text)",
      collectTokens,
    )
    .option(
      "--suppress <tokens...>",
      "tokens that are revealed last, for strategies that rank positions (confidence, threshold, ...)",
      collectTokens,
    )
    .option(
      "--guidance <w>",
      "scale of guidance towards the prompt, with twice the work; 0 is none (default: 0)",
      readNumber,
    )
    .option("--samples <n>", "how many sequences", readInteger, 1)
    .option("--batch-size <n>", "sequences in one forward call (default: at most 16)", readInteger)
    .option("--length <n>", "tokens of a sequence (default: the model's length)", readInteger)
    .addOption(
      new Option("--seed <n>", "same seed, same samples; random: others each time")
        .argParser(readSeed)
        .default(1n, "1"),
    )
    .option(
      "--prompt <text>",
      "text that every sample begins with; [MASK], where the tokenizer knows it, is left to the model",
    )
    .option("--stride <n>", "long texts: tokens that the window moves on by", readInteger)
    .option("--strides <n>", "long texts: how often it moves", readInteger)
    .option(
      "--block-length <n>",
      "tokens of a block: blocks are generated from left to right, each in --steps steps",
      readInteger,
    )
    .addOption(
      new Option(
        "--until <name>",
        "where a text ends: with its length, or before its end-of-text token; ar then stops there (default: length; end for long texts)",
      ).choices(["length", "end"]),
    )
    .addOption(
      new Option(
        "--executor <name>",
        "dense: the published code's arithmetic and PyTorch's noise, so its tokens for its seed",
      ).choices(["events", "dense"]),
    )
    .addOption(
      new Option("--quirks <name>", "where code and papers differ, see docs/fidelity.md").choices([
        "original",
        "paper",
      ]),
    );
  command.optionsGroup("Strategy:");
  for (const { flag, help } of strategyFlags()) command.option(flag, help, readNumber);
  return command
    .option(
      "--strategy-option <name=value...>",
      "an option of the strategy that has no flag, or of your own: of=drawn, window=loop window.tOn=0.6",
    )
    .optionsGroup("Guide:")
    .option(
      "--guide <file#name>",
      "steer samples by a reward of your own, ({ tokens }, tokenizer) => number: ./mine.js#reward",
    )
    .option("--particles <n>", "texts that are drawn for each sample, 2 or more", readInteger)
    .addOption(
      new Option(
        "--method <name>",
        "smc weighs and copies texts on the way; best-of-n takes the best (default: smc)",
      ).choices(["smc", "best-of-n"]),
    )
    .option("--strength <x>", "smc: what rewards are multiplied by (default: 1)", readNumber)
    .option(
      "--every <n>",
      "smc: steps from one weighting to the next (default: a sixteenth of the steps)",
      readInteger,
    )
    .option(
      "--resample-below <x>",
      "smc: resample below this share of effective particles, in [0, 1] (default: 0.5)",
      readNumber,
    )
    .addOption(
      new Option("--resampling <name>", "smc: how copies are drawn (default: systematic)").choices([
        "systematic",
        "stratified",
        "residual",
        "multinomial",
      ]),
    )
    .optionsGroup("Output:")
    .option("--no-special-tokens", "leave them out of the texts")
    .option("--json", "print one JSON object")
    .option("--out <file.jsonl>", "keep each sample in a file as soon as it is finished", readPath)
    .option("--force", "replace the file of --out when it exists")
    .option("--quiet", "no progress")
    .optionsGroup("Other:")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: SampleFlags, self: Command) => {
      const frame = { naming: sampleNaming(self, flags), quiet: flags.quiet };
      process.exitCode = await runCommand(frame, async (session) => {
        const { sample } = await import("./job.ts");
        await sample(session, flags);
      });
    });
}

/** How `remdm sample` calls the options of a strategy, which depends on how they were said. */
export function sampleNaming(command: Command, flags: Partial<SampleFlags>): Naming {
  const { etaCap, etaRescale, predictor, strategy = "", strategyOption = [] } = flags;
  const naming = namingOf(command, {
    cap: etaCap === undefined ? "--eta" : "--eta-cap",
    rescale: etaRescale === undefined ? "--eta" : "--eta-rescale",
    banned: "--ban",
    suppressed: "--suppress",
    "strategy.kind": predictor === undefined ? "--strategy" : "--predictor",
  });
  const isOwn = isModuleName(strategy);
  const paired = new Set(strategyOption.map((pair) => pair.split(/[=.]/)[0]));
  const isFlag = (name: string): boolean =>
    STRATEGY_SETTINGS.some((one) => one === name && flags[one] !== undefined);
  const nameOf = (option: string): string | undefined => {
    const flag = naming.nameOf(option);
    const name = /^strategy\.(?!kind$)(.+)$/.exec(option)?.[1];
    if (name === undefined) return flag;
    // An option of one's own may be called as a flag that means something else: steps, length.
    const isPair = isOwn ? !isFlag(name) : paired.has(name.split(".")[0]);
    return (isPair ? undefined : flag) ?? `--strategy-option ${name.replace(/\.kind$/, "")}`;
  };
  // What a pair says, a message may compare with another part of it: window.tOn with tOff.
  const isSaid = ([name]: readonly [string, string]) =>
    paired.size === 0 || isFlag(name) || !STRATEGY_SETTINGS.some((one) => one === name);
  return { flags: new Map([...naming.flags].filter(isSaid)), nameOf };
}
