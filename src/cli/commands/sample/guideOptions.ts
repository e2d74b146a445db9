/** Reads `--guide ./mine.js#reward` and the flags beside it. */
import { RemdmError } from "../../../foundation/errors.ts";
import { loadExport } from "../../../program/loadExport.ts";
import type { GuidedText, GuideOptions } from "../../../sampler/guide.ts";
import type { Tokenizer } from "../../../tokenizer/tokenizer.ts";
import { UsageError } from "../../usage.ts";
import { kebab } from "./strategyOptions.ts";

/** The flags of a guide, as commander hands them over. */
export interface GuideFlags extends Partial<Omit<GuideOptions, "reward">> {
  /** `./mine.js#name`: an export that is a reward. */
  readonly guide?: string;
}

/** A reward on the command line: a `Reward` that is handed the run's tokenizer too. */
export type ModuleReward = (text: GuidedText, tokenizer: Tokenizer) => number;

const SETTINGS = [
  "particles",
  "method",
  "strength",
  "every",
  "resampleBelow",
  "resampling",
] as const satisfies readonly (keyof GuideOptions)[];

/**
 * Loads the reward that `--guide` names.
 * @returns undefined where there is no `--guide`.
 * @throws UsageError for a flag of a guide that stands alone; OptionError for a module without that
 *   function.
 */
export async function loadReward(flags: GuideFlags): Promise<ModuleReward | undefined> {
  const { guide, particles } = flags;
  if (guide === undefined) {
    const stray = SETTINGS.find((one) => flags[one] !== undefined);
    if (stray === undefined) return undefined;
    throw new UsageError(
      `${kebab(stray)} is for a run with a guide, and there is no --guide`,
      `Name a reward, as in --guide ./mine.js#reward, or leave ${kebab(stray)} out.`,
    );
  }
  if (particles === undefined) {
    const remedy = "Say how many texts are drawn for each sample: --particles 8.";
    throw new UsageError("--guide lacks --particles", remedy);
  }
  const wanted =
    "Export a function: export const reward = ({ tokens }, tokenizer) => ... a number.";
  const { value, refused } = await loadExport(guide, process.cwd(), {
    option: "guide",
    otherwise: ": --guide takes a file and one of its exports, ./mine.js#reward",
    exports: wanted,
  });
  if (typeof value !== "function") throw refused("is not a function", wanted);
  return guarded(value as ModuleReward, guide);
}

/** Says whose fault an exception is that only the module can have thrown. */
function guarded(reward: ModuleReward, name: string): ModuleReward {
  return (text, tokenizer) => {
    try {
      return reward(text, tokenizer);
    } catch (cause) {
      if (RemdmError.isInstance(cause)) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new RemdmError(`The reward ${name} failed: ${why}`, {
        code: "reward_invalid",
        remedy: "Look at its module; with REMDM_DEBUG=1 the place is printed.",
        cause,
      });
    }
  };
}

/** Makes the library's option of the flags; undefined where there is no `--guide`. */
export function guideOf(
  flags: GuideFlags,
  reward: GuideOptions["reward"] | undefined,
): GuideOptions | undefined {
  const { particles } = flags;
  if (reward === undefined || particles === undefined) return undefined;
  const said = SETTINGS.filter((one) => flags[one] !== undefined);
  return { reward, particles, ...Object.fromEntries(said.map((one) => [one, flags[one]])) };
}
