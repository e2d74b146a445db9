/**
 * Converts a checkpoint to safetensors for programs, as `remdm convert` does on the command line.
 */
import { resolve } from "node:path";
import { convert } from "../backend/process/convert.ts";
import { findPython } from "../backend/process/python.ts";
import { resolveLaunch } from "./launchOptions.ts";
import { checkFunction, checkOptions, checkText } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";

export interface ConversionOptions {
  /**
   * The directory that gets `model.safetensors`, `card.json`, and `tokenizer.json` where one lies
   * beside the source. It need not exist. It gets all files or stays as it was, after an error or
   * an abort too.
   */
  readonly out: string;
  /**
   * The averaged weights, or the weights of the last training step. Default: the averaged ones
   * where the source has them, else the others.
   */
  readonly weights?: "ema" | "raw";
  /**
   * The number format of the weights. Default `float32`, with which the network gives exactly the
   * source's numbers.
   */
  readonly dtype?: "float32" | "float16" | "bfloat16";
  /**
   * Replaces the three files of a checkpoint that is in `out`; its `tokenizer.json` is removed
   * where the source has none. Default false.
   */
  readonly force?: boolean;
  /**
   * The Python of an environment that has the backend's packages: a path or a command. Default: see
   * `findPython`.
   */
  readonly python?: string;
  /** Stops the conversion, unless the files are just getting their names. */
  readonly signal?: AbortSignal;
  /** Receives how many bytes were read and written, and how many there will be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ConvertedCheckpoint {
  /** The absolute path of the directory, which `Remdm.launch` takes as `checkpoint`. */
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
 * Writes a checkpoint as safetensors, in a Python process that ends afterwards. It runs no code
 * that is pickled in the source.
 * @param checkpoint a name or a path, as for `Remdm.launch`. Masked language models of Hugging Face
 * have other networks and are used as they are, except MDLM's own release.
 * @throws OptionError, CheckpointError, BackendError (output_failed where `out` cannot be written
 * or has a checkpoint, out_of_memory, python_missing, ...), AbortedError.
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
