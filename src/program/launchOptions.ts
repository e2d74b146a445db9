/** Checks the options of `Remdm.launch` and `Remdm.connect` before anything starts. */
import {
  BACKEND_KEYS,
  resolveBackendOptions,
  type BackendOptions,
  type ResolvedBackendOptions,
} from "../backend/backendOptions.ts";
import type { Device } from "../backend/device.ts";
import { CheckpointError } from "../backend/errors.ts";
import { locateCheckpoint } from "../checkpoints/resolve.ts";
import { checkOptions, checkSignal, checkText, checkTimeout } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { checkWorkers } from "../sampler/draw/workers/rowPool.ts";
import { checkTokenizerOption, type Tokenizer } from "../tokenizer/tokenizer.ts";

export type { Device };

export type RowChoice = "auto" | "whole" | "top";

export interface LaunchOptions extends BackendOptions {
  /**
   * The model to sample from. `demo` is the small model that comes with the package; `mdlm`, `sedd`
   * and `ar` are published ones that were downloaded (see `downloadCheckpoint`), and `OWNER/NAME`
   * is a downloaded model of the Hugging Face hub, unless something lies at that path. Anything
   * else is a path: an original Lightning `.ckpt`, a `.safetensors` file, or a directory with one,
   * either ours (`card.json`) or a masked language model of Hugging Face (`config.json`). Default
   * `demo`.
   */
  readonly checkpoint?: string;
  /**
   * `gpt2`, `demo`, the path of a `tokenizer.json`, or your own object. Default: the one beside the
   * checkpoint, else the one that fits the vocabulary.
   */
  readonly tokenizer?: string | Tokenizer;
  /**
   * Says what the backend sends of a row of the vocabulary where `topP` is below 1: the `whole`
   * row, or only the `top` that the nucleus can hold. Both give the same tokens, except where the
   * last bit of a sum decides. Default `auto`: `top` beside a GPU, which spares copying whole rows
   * from it and searching them here; `whole` beside a CPU, where a copy costs less than the search.
   */
  readonly rows?: RowChoice;
  /**
   * Threads that draw rows beside the calling one, in [0, 64]; they start when a step first has
   * many rows to draw. Default: one less than the machine runs at a time, at most 2. 0: none.
   */
  readonly workers?: number;
}

export interface ConnectOptions {
  /** The address of a running backend, `ipc:///path/to/socket`, as `remdm serve` prints it. */
  readonly endpoint: string;
  /**
   * As for `launch`. Default: a bundled model's own tokenizer, found by the model's name, else the
   * one that fits the vocabulary. The directory of a remote checkpoint cannot be read.
   */
  readonly tokenizer?: string | Tokenizer;
  /** As for `launch`. */
  readonly rows?: RowChoice;
  /** As for `launch`. */
  readonly workers?: number;
  /** How long the backend may take to answer at all, in milliseconds. Default 10,000. */
  readonly reachTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ResolvedLaunch extends ResolvedBackendOptions {
  /** An absolute path that exists. */
  readonly checkpoint: string;
  readonly tokenizer: string | Tokenizer | undefined;
  readonly rows: RowChoice;
  /** How many threads draw rows beside the calling one; undefined: the default. */
  readonly workers: number | undefined;
}

export interface ResolvedConnect extends Required<
  Omit<ConnectOptions, "tokenizer" | "workers" | "signal">
> {
  readonly tokenizer: string | Tokenizer | undefined;
  readonly workers: number | undefined;
  readonly signal: AbortSignal | undefined;
}

const LAUNCH_KEYS: Readonly<Record<keyof LaunchOptions, true>> = {
  checkpoint: true,
  tokenizer: true,
  rows: true,
  workers: true,
  ...BACKEND_KEYS,
};

const CONNECT_KEYS: Readonly<Record<keyof ConnectOptions, true>> = {
  endpoint: true,
  tokenizer: true,
  rows: true,
  workers: true,
  reachTimeoutMs: true,
  signal: true,
};

/**
 * Checks the options, fills in the defaults and looks for the checkpoint.
 * @throws OptionError; CheckpointError checkpoint_missing, or checkpoint_unsupported for a
 * directory of Hugging Face's cache that is not a model.
 */
export function resolveLaunch(options: LaunchOptions): ResolvedLaunch {
  checkOptions("launch", options, LAUNCH_KEYS);
  const { checkpoint = "demo", tokenizer, rows = "auto", workers } = options;
  return {
    ...resolveBackendOptions(options),
    tokenizer: checkTokenizerOption(tokenizer),
    rows: checkRows(rows),
    workers: checkWorkers(workers),
    checkpoint: findCheckpoint(checkText("checkpoint", checkpoint, "a path")),
  };
}

/** Checks the options and fills in the defaults. @throws OptionError. */
export function resolveConnect(options: ConnectOptions): ResolvedConnect {
  checkOptions("connect", options, CONNECT_KEYS);
  const { endpoint, tokenizer, rows = "auto", workers, reachTimeoutMs = 10_000, signal } = options;
  return {
    endpoint: checkText("endpoint", endpoint, "an ipc:// address"),
    tokenizer: checkTokenizerOption(tokenizer),
    rows: checkRows(rows),
    workers: checkWorkers(workers),
    reachTimeoutMs: checkTimeout("reachTimeoutMs", reachTimeoutMs),
    signal: checkSignal(signal),
  };
}

function findCheckpoint(checkpoint: string): string {
  const { path, fault } = locateCheckpoint(checkpoint);
  if (fault !== undefined) throw new CheckpointError(fault.code, fault.message, fault.remedy);
  return path;
}

function checkRows(rows: unknown): RowChoice {
  if (rows === "auto" || rows === "whole" || rows === "top") return rows;
  throw new OptionError("rows", rows, "auto, whole or top");
}
