/** What `remdm eval` computes with a judge: perplexity and MAUVE, and whether its flags ask for them by name. */
import { resolveMauve, type EvaluationOptions } from "../../evaluation/evaluationOptions.ts";
import { tooFewForMauve } from "../../evaluation/measures/mauve.ts";
import { MAUVE_LEAST_TEXTS } from "../../evaluation/judge/mauveSettings.ts";
import { isFailure } from "../../evaluation/skipped.ts";
import type { TextJudge } from "../../evaluation/judge/textJudge.ts";
import type { Device } from "../../program/launchOptions.ts";
import { OptionError, type RemdmError } from "../../foundation/errors.ts";
import { DEFAULT_JUDGE, type EvalFlags } from "./eval.ts";
import type { Reporter } from "../terminal/reporter.ts";
import { UsageError } from "../usage.ts";

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

/** `--judge`, or what says how it is to run. */
export function isJudgeNamed({ judge, judgeTokenizer, rawWeights, device }: EvalFlags): boolean {
  const settings = [judge, judgeTokenizer, rawWeights];
  return settings.some((setting) => setting !== undefined) || device !== "auto";
}

/** `--mauve`, or a setting of it. */
export function isMauveNamed({ mauve, mauveSeeds, mauveScale }: EvalFlags): boolean {
  return mauve ?? (mauveSeeds !== undefined || mauveScale !== undefined);
}

export function mauveOf(flags: EvalFlags): EvaluationOptions["mauve"] {
  const { mauve, mauveSeeds: seeds, mauveScale: scale } = flags;
  if (mauve === false) return false;
  if (!isMauveNamed(flags)) return undefined;
  return { ...(seeds && { seeds }), ...(scale !== undefined && { scale }) };
}

/** @throws OptionError; UsageError where MAUVE is asked for without what it needs. */
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

/** Where it is asked for, too few texts for it are told before the judge is launched. @throws UsageError. */
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

/** A judge; or why there is none where there should be one. */
interface Launched {
  readonly judge?: TextJudge & AsyncDisposable;
  readonly failure?: RemdmError;
}

/** @throws AbortedError; OptionError. */
export async function judgeFor(
  flags: EvalFlags,
  launch: LaunchJudge,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Launched> {
  const { judge: model = DEFAULT_JUDGE, judgeTokenizer, rawWeights } = flags;
  const { device, batchSize, maxLength } = flags;
  if (model === false) return {};
  reporter.phase(`Loading ${model} ...`);
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
