/** The flags that all commands which sample share, and those of a text with an open end. */
import { Option, type Command } from "commander";
import { DEVICES } from "../../../backend/device.ts";
import { DEFAULT_TOP_P } from "../../../sampler/prepare.ts";
import { STRATEGY_HELP } from "../../../sampler/strategies/notation.ts";
import {
  CHECKPOINT_HELP,
  readDevice,
  readInteger,
  readNumber,
  readPath,
  readSeed,
  readWindow,
} from "../../usage.ts";
import { strategyFlags } from "./strategyOptions.ts";
import { collectTokens } from "./tokenNames.ts";

/** Adds the flags of the model, of sampling, of strategies, of a guide and of the output. */
export function addSharedFlags(command: Command): Command {
  return addGuideAndOutputFlags(addSamplingFlags(command, { samples: true }));
}

/**
 * Adds the flags of the model, of sampling and of strategies.
 * @param samples whether there is `--samples`.
 */
export function addSamplingFlags(
  command: Command,
  { samples }: { readonly samples: boolean },
): Command {
  command.optionsGroup("Model:").option("--checkpoint <file>", CHECKPOINT_HELP, readPath, "demo");
  addDrawFlags(addModelFlags(command));
  if (samples) command.option("--samples <n>", "how many sequences", readInteger, 1);
  command.option(
    "--batch-size <n>",
    "sequences in one forward call (default: at most 16)",
    readInteger,
  );
  command.option(
    "--window <n>",
    "states of a sample in one forward call, the same tokens in fewer rounds; auto finds how many (default: auto)",
    readWindow,
  );
  return addStrategyFlags(addRunFlags(command));
}

/** Adds the flags that say how the model of `--checkpoint` runs. */
export function addModelFlags(command: Command): Command {
  return command
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
    .option("--device <name>", DEVICES, readDevice, "auto");
}

/** Adds the flags that say which strategy draws, and how. */
export function addDrawFlags(command: Command): Command {
  return command
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
    );
}

/** Adds the flags of the noise and of the arithmetic. */
export function addRunFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--seed <n>", "same seed, same samples; random: others each time")
        .argParser(readSeed)
        .default(1n, "1"),
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
}

/** Adds the flags of the strategies' options. */
export function addStrategyFlags(command: Command): Command {
  command.optionsGroup("Strategy:");
  for (const { flag, help } of strategyFlags()) command.option(flag, help, readNumber);
  return command.option(
    "--strategy-option <name=value...>",
    "an option of the strategy that has no flag, or of your own: of=drawn, window=loop window.tOn=0.6",
  );
}

function addGuideAndOutputFlags(command: Command): Command {
  return command
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
    .option(
      "--out <file.jsonl>",
      "keep each sample in a file as soon as it is finished; given again, go on with it",
      readPath,
    )
    .option("--force", "replace the file of --out when it exists")
    .option("--quiet", "no progress")
    .optionsGroup("Other:");
}

/** Adds the flags that say how long a text is, how it begins and where it ends. */
export function addTextFlags(command: Command): Command {
  return command
    .optionsGroup("Text:")
    .option(
      "--length <n>",
      "tokens of a sequence (default: as many as the model takes, at most 1024)",
      readInteger,
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
    );
}
