/** Options of `Judge.launch`. All of them are checked before anything starts. */
import { existsSync } from "node:fs";
import {
  BACKEND_KEYS,
  resolveBackendOptions,
  type BackendOptions,
  type ResolvedBackendOptions,
} from "../../backend/backendOptions.ts";
import { CheckpointError } from "../../backend/errors.ts";
import { locateCheckpoint } from "../../checkpoints/resolve.ts";
import { checkInteger, checkOptions, checkText } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import { checkTokenizerOption, type Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Where and how the judge runs is said as for a model to sample from. */
export interface JudgeOptions extends BackendOptions {
  /**
   * `demo-ar`, the small autoregressive model that comes with the package; `OWNER/NAME` of a
   * downloaded model of the Hugging Face hub; or a path: a directory in the format of Hugging Face
   * with a causal language model (GPT-2 large judged the published samples), or an autoregressive
   * checkpoint, ours or the original's. Default `demo-ar`.
   */
  readonly model?: string;
  /**
   * `gpt2`, `demo`, the path of a `tokenizer.json`, or your own object. Default: the one beside the
   * judge, else GPT-2's where the sizes fit.
   */
  readonly tokenizer?: string | Tokenizer;
  /**
   * How many tokens of a text the judge looks at, in its own tokens; the rest is cut off.
   * Likelihoods of texts beyond the model's own limit are taken chunk by chunk, each chunk by
   * itself; features are taken of what fits. In [2, 16384]. Default 1,024, or the model's limit if
   * that is smaller.
   */
  readonly maxLength?: number;
  /**
   * Texts in one request, in [1, 1024]: progress is told after each request, and an abort waits for
   * one. Default 16.
   */
  readonly batchSize?: number;
}

const KEYS: Readonly<Record<keyof JudgeOptions, true>> = {
  model: true,
  tokenizer: true,
  ...BACKEND_KEYS,
  maxLength: true,
  batchSize: true,
};

const MAX_BATCH = 1024;
/** Keeps a request of the largest batch within the size of a message. */
const MAX_LENGTH = 16 * 1024;

export interface ResolvedJudge {
  readonly launch: ResolvedBackendOptions & { readonly checkpoint: string };
  readonly tokenizer: string | Tokenizer | undefined;
  readonly maxLength: number | undefined;
  readonly batchSize: number;
}

/** Whether a judge's name rather says that no judge is wanted. */
export function meansNone(model: string): boolean {
  return /^(none|no|off|false|null)$/i.test(model) && !existsSync(model);
}

/**
 * Checks the options, fills in the defaults and looks for the model.
 * @throws OptionError; CheckpointError checkpoint_missing, or checkpoint_unsupported for a
 * directory of Hugging Face's cache that is not a model.
 */
export function resolveJudge(options: JudgeOptions): ResolvedJudge {
  checkOptions("Judge.launch", options, KEYS);
  const { model = "demo-ar", maxLength, batchSize = 16 } = options;
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
    tokenizer: checkTokenizerOption(options.tokenizer),
    launch: { ...resolveBackendOptions(options), checkpoint: findModel(checkpoint) },
  };
}

function findModel(model: string): string {
  const { path, fault } = locateCheckpoint(model);
  if (fault !== undefined) throw new CheckpointError(fault.code, fault.message, fault.remedy);
  return path;
}
