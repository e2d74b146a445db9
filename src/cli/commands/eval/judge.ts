/**
 * Launches the judge of `remdm eval`, and reads off the flags whether they ask by name for what it
 * computes, perplexity and MAUVE.
 */
import { resolveMauve, type EvaluationOptions } from "../../../evaluation/evaluationOptions.ts";
import { tooFewForMauve } from "../../../evaluation/measures/mauve.ts";
import { MAUVE_LEAST_TEXTS } from "../../../evaluation/judge/mauveSettings.ts";
import { isFailure } from "../../../evaluation/skipped.ts";
import type { TextJudge } from "../../../evaluation/judge/textJudge.ts";
import type { Device } from "../../../program/launchOptions.ts";
import { OptionError, type RemdmError } from "../../../foundation/errors.ts";
import type { Session } from "../../runCommand.ts";
import { UsageError } from "../../usage.ts";
import { judgeError } from "../judgeFlag.ts";
import { DEFAULT_JUDGE, type EvalFlags } from "./flags.ts";

export interface JudgeFlags {
  readonly model: string;
  readonly tokenizer?: string;
  readonly rawWeights?: boolean;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly batchSize?: number;
  readonly maxLength?: number;
}

/** Starts the model that judges; tests hand in their own. */
export type LaunchJudge = (options: JudgeFlags) => Promise<TextJudge & AsyncDisposable>;

/**
 * Starts the judge; what it is made of is imported only then.
 * @throws what `Judge.launch` throws.
 */
export const launchJudge: LaunchJudge = async (options) => {
  const { Judge } = await import("../../../evaluation/judge/judge.ts");
  try {
    return await Judge.launch(options);
  } catch (error) {
    throw judgeError(error, options.model);
  }
};

/** Tells whether `--judge` is there, or a flag that says how it is to run. */
export function isJudgeNamed({ judge, judgeTokenizer, rawWeights, device }: EvalFlags): boolean {
  const settings = [judge, judgeTokenizer, rawWeights];
  return settings.some((setting) => setting !== undefined) || device !== "auto";
}

/** Tells whether `--mauve` is there, or a setting of it. */
export function isMauveNamed({ mauve, mauveSeeds, mauveScale }: EvalFlags): boolean {
  return mauve ?? (mauveSeeds !== undefined || mauveScale !== undefined);
}

/** @returns what `evaluate` takes: false, settings, or undefined for MAUVE where it can be had. */
export function mauveOf(flags: EvalFlags): EvaluationOptions["mauve"] {
  const { mauve, mauveSeeds: seeds, mauveScale: scale } = flags;
  if (mauve === false) return false;
  if (!isMauveNamed(flags)) return undefined;
  return { ...(seeds && { seeds }), ...(scale !== undefined && { scale }) };
}

/**
 * Refuses MAUVE without what it needs.
 * @throws UsageError; OptionError for a setting out of range.
 */
export function checkMauveFlags(flags: EvalFlags): void {
  resolveMauve(mauveOf(flags));
  if (!isMauveNamed(flags)) return;
  if (flags.judge === false) {
    throw new UsageError("MAUVE needs a judge", "Leave out --no-judge, or do without MAUVE.");
  }
  if (flags.references !== undefined) return;
  throw new UsageError(
    "MAUVE compares samples with references, and there are none",
    "Name a text with --references, or do without MAUVE.",
  );
}

/** Refuses too few texts for a MAUVE that is asked for. @throws UsageError. */
export function checkMauveTexts(
  samples: number,
  references: number | undefined,
  flags: EvalFlags,
): void {
  if (!isMauveNamed(flags) || references === undefined) return;
  if (Math.min(samples, references) >= MAUVE_LEAST_TEXTS) return;
  throw new UsageError(
    tooFewForMauve(samples, references, MAUVE_LEAST_TEXTS),
    "Draw more (hundreds are better), or leave MAUVE out with --no-mauve.",
  );
}

/** A judge; or why it cannot be had. Both are missing where `--no-judge` asks for that. */
interface Launched {
  readonly judge?: TextJudge & AsyncDisposable;
  readonly failure?: RemdmError;
}

/** Launches the judge that the flags name. @throws AbortedError; OptionError. */
export async function judgeFor(
  { progress, signal }: Session,
  flags: EvalFlags,
  launch: LaunchJudge,
): Promise<Launched> {
  const { judge: model = DEFAULT_JUDGE, judgeTokenizer, rawWeights } = flags;
  const { device, batchSize, maxLength } = flags;
  if (model === false) return {};
  progress.phase(`Loading ${model} ...`);
  try {
    const judge = await launch({
      model,
      device,
      signal,
      ...(judgeTokenizer !== undefined && { tokenizer: judgeTokenizer }),
      ...(rawWeights && { rawWeights }),
      ...(batchSize !== undefined && { batchSize }),
      ...(maxLength !== undefined && { maxLength }),
    });
    return { judge };
  } catch (error) {
    if (error instanceof OptionError || !isFailure(error, signal)) throw error;
    return { failure: error };
  }
}
