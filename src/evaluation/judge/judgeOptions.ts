/** What `Judge.launch` takes, and the checks on it: everything is looked at before anything starts. */
import { existsSync } from "node:fs";
import { resolveLaunch, type LaunchOptions } from "../../program/launchOptions.ts";
import { checkInteger, checkOptions, checkText } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Where and how it runs is said as for a model to sample from. */
export interface JudgeOptions extends Pick<
  LaunchOptions,
  "device" | "dtype" | "rawWeights" | "python" | "startTimeoutMs" | "onLog" | "signal"
> {
  /**
   * `demo-ar`, the small autoregressive model that comes with the package, or a path: a directory in the format of Hugging
   * Face with a causal language model (GPT-2 large judged the published samples), or an autoregressive checkpoint of ours or of
   * the original. Default `demo-ar`.
   */
  readonly model?: string;
  /** `gpt2`, `demo`, the path of a `tokenizer.json`, or your own. Default: the one beside the judge, else GPT-2's where the sizes fit. */
  readonly tokenizer?: string | Tokenizer;
  /**
   * Tokens of a text that are looked at, in the judge's own tokens; the rest is cut off. Likelihoods of texts beyond the model's own
   * limit are taken chunk by chunk, each for itself; features are of what fits. Default 1,024, or the model's limit if smaller.
   */
  readonly maxLength?: number;
  /** Texts in one request: what progress is reported by, and what an abort waits for. Default 16. */
  readonly batchSize?: number;
}

const KEYS: Readonly<Record<keyof JudgeOptions, true>> = {
  model: true,
  tokenizer: true,
  device: true,
  dtype: true,
  rawWeights: true,
  python: true,
  startTimeoutMs: true,
  onLog: true,
  signal: true,
  maxLength: true,
  batchSize: true,
};

const MAX_BATCH = 1024;
/** So that a request of the largest batch still fits a message. */
const MAX_LENGTH = 16 * 1024;

export interface ResolvedJudge {
  readonly launch: ReturnType<typeof resolveLaunch>;
  readonly maxLength: number | undefined;
  readonly batchSize: number;
}

/** Whether a judge's name is rather the wish to have none. */
export function meansNone(model: string): boolean {
  return /^(none|no|off|false|null)$/i.test(model) && !existsSync(model);
}

/** @throws OptionError, or CheckpointError checkpoint_missing. */
export function resolveJudge(options: JudgeOptions): ResolvedJudge {
  checkOptions("Judge.launch", options, KEYS);
  const { model = "demo-ar", maxLength, batchSize = 16, ...rest } = options;
  const checkpoint = checkText("model", model, "a path");
  if (meansNone(checkpoint)) {
    throw new OptionError(
      "model",
      model,
      "a model; where no text is to be judged, launch no judge",
    );
  }
  return {
    batchSize: checkInteger("batchSize", batchSize, 1, MAX_BATCH),
    maxLength:
      maxLength === undefined ? undefined : checkInteger("maxLength", maxLength, 2, MAX_LENGTH),
    launch: resolveLaunch({ ...rest, checkpoint }),
  };
}
