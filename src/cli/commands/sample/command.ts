/** Defines `remdm sample`. */
import { Command } from "commander";
import { isModuleName } from "../../../program/loadExport.ts";
import { STRATEGY_SETTINGS } from "../../../sampler/strategies/notation.ts";
import { namingOf, type Naming } from "../../naming.ts";
import type { SampleFlags } from "./flags.ts";
import { addSharedFlags, addTextFlags } from "./options.ts";
import { runCommand } from "../../runCommand.ts";

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
finished stay in the file of --out, and the same command goes on with it, also after a kill. Exit codes: 0, 1 for a failure, 2 for bad usage, 130 after Ctrl-C.`;

export function sampleCommand(): Command {
  const command = new Command("sample").description("draw samples from a checkpoint");
  return addSharedFlags(addTextFlags(command))
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
