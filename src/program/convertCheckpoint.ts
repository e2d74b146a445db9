/** A checkpoint as safetensors: what `remdm convert` does, for programs. */
import { resolve } from "node:path";
import { convert } from "../backend/process/convert.ts";
import { findPython } from "../backend/process/python.ts";
import { resolveLaunch } from "./launchOptions.ts";
import { checkFunction, checkOptions, checkText } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";

export interface ConversionOptions {
  /**
   * The directory that gets `model.safetensors`, `card.json`, and `tokenizer.json` where one lies beside the source. It need not
   * exist. All files come, or none: after an error or an abort it is as it was.
   */
  readonly out: string;
  /** The averaged weights or those of the last training step. Default: the averaged ones, or what there is. */
  readonly weights?: "ema" | "raw";
  /** What the numbers are written as. Default `float32`, in which the network gives the source's numbers exactly. */
  readonly dtype?: "float32" | "float16" | "bfloat16";
  /** Replace a checkpoint that is in `out`: these three files, so a `tokenizer.json` goes also where the source has none. Default false. */
  readonly force?: boolean;
  /** The Python of an environment that has the backend's packages: a path or a command. Default: see `findPython`. */
  readonly python?: string;
  /** Stops it, unless the files are just getting their names. */
  readonly signal?: AbortSignal;
  /** Bytes read and written, and how many there will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ConvertedCheckpoint {
  /** Of the directory, absolute: a `checkpoint` for `Remdm.launch`. */
  readonly path: string;
}

const KEYS: Readonly<Record<keyof ConversionOptions, true>> = {
  out: true,
  weights: true,
  dtype: true,
  force: true,
  python: true,
  signal: true,
  onProgress: true,
};

/**
 * Writes a checkpoint as safetensors, in a Python process that ends with it. Nothing that is pickled in the source is run.
 * @param checkpoint a name or a path, as for `Remdm.launch`; masked language models of Hugging Face have other networks and are
 * used as they are, MDLM's own release excepted.
 * @throws OptionError, CheckpointError, BackendError (output_failed where `out` cannot be written or has a checkpoint,
 * out_of_memory, python_missing, ...), AbortedError.
 */
export async function convertCheckpoint(
  checkpoint: string,
  options: ConversionOptions,
): Promise<ConvertedCheckpoint> {
  checkOptions("convertCheckpoint", options, KEYS);
  const { out, weights, dtype = "float32", force = false, onProgress } = options;
  const { python, signal } = options;
  const source = resolveLaunch({
    checkpoint: checkText("checkpoint", checkpoint, "a path"),
    ...(python !== undefined && { python }),
    ...(signal !== undefined && { signal }),
  });
  const path = resolve(checkText("out", out, "the path of a directory"));
  if (weights !== undefined) checkChoice("weights", weights, ["ema", "raw"]);
  checkChoice("dtype", dtype, ["float32", "float16", "bfloat16"]);
  checkChoice("force", force, [true, false]);
  checkFunction("onProgress", onProgress);
  await convert({
    ...{ weights, dtype, force },
    out: path,
    checkpoint: source.checkpoint,
    python: findPython(source.python).path,
    signal: source.signal ?? new AbortController().signal,
    onProgress: onProgress ?? (() => undefined),
  });
  return { path };
}

function checkChoice(option: string, value: unknown, choices: readonly (string | boolean)[]): void {
  if (choices.some((choice) => choice === value)) return;
  throw new OptionError(option, value, choices.join(" or "));
}
