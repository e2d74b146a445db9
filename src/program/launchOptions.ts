/** What `Remdm.launch` and `Remdm.connect` take, and the checks on it: everything is looked at before anything starts. */
import { DEVICES, isDevice, type Device } from "../backend/device.ts";
import { existsSync } from "node:fs";
import { CheckpointError } from "../backend/errors.ts";
import { cachedModel, type CachedModel } from "../checkpoints/hub.ts";
import { resolveCheckpoint } from "../checkpoints/resolve.ts";
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  checkSignal,
  checkText,
  checkTimeout,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export type { Device };

export type RowChoice = "auto" | "whole" | "top";

export interface LaunchOptions {
  /**
   * `demo`, the small model that comes with the package; `mdlm`, `sedd` or `ar`, a published one that was downloaded (see
   * `downloadCheckpoint`); or a path: an original Lightning `.ckpt`, a `.safetensors` file, or a directory with one: ours
   * (`card.json`) or a masked language model of Hugging Face (`config.json`). Default `demo`.
   */
  readonly checkpoint?: string;
  /** `gpt2`, `demo`, the path of a `tokenizer.json`, or your own. Default: the one beside the checkpoint, else what fits the vocabulary. */
  readonly tokenizer?: string | Tokenizer;
  /** Where the network runs. Default `auto`: a CUDA GPU, else an Apple GPU (`mps`), else the CPU. */
  readonly device?: Device;
  /** What it computes in. Default `float32`. */
  readonly dtype?: "float32" | "bfloat16";
  /**
   * What the network's process sends of a row of the vocabulary where `topP` is below 1: all of it, or only what the nucleus
   * can hold. The tokens are the same, but where a last bit decides. Default `auto`: `top` beside a GPU, which spares copying whole rows from
   * it and searching them here; `whole` beside a CPU, where a copy costs less than the search.
   */
  readonly rows?: RowChoice;
  /** Use the weights of the last training step in the place of the averaged (EMA) ones. Default false. */
  readonly rawWeights?: boolean;
  /** The Python of an environment that has the backend's packages: a path or a command. Default: see `findPython`. */
  readonly python?: string;
  /** How long loading PyTorch and the checkpoint may take, in milliseconds. Default 120,000. */
  readonly startTimeoutMs?: number;
  /** Given each line that the backend logs. */
  readonly onLog?: (line: string) => void;
  /** Gives up the start. It has no effect once the backend is there: that is what `close` is for. */
  readonly signal?: AbortSignal;
}

export interface ConnectOptions {
  /** `ipc:///path/to/socket` of a running backend, as `remdm serve` prints it. */
  readonly endpoint: string;
  /** As for `launch`. Default: a bundled model's own, by its name, else what fits the vocabulary; a remote checkpoint's directory cannot be looked at. */
  readonly tokenizer?: string | Tokenizer;
  /** As for `launch`. */
  readonly rows?: RowChoice;
  /** How long the backend may take to show that it is there, in milliseconds. Default 10,000. */
  readonly reachTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

type Filled<Options, Optional extends keyof Options> = Omit<Options, Optional> & {
  readonly [Key in Optional]: Options[Key] | undefined;
};
export type ResolvedLaunch = Filled<
  Required<LaunchOptions>,
  "tokenizer" | "python" | "onLog" | "signal"
>;
export type ResolvedConnect = Filled<Required<ConnectOptions>, "tokenizer" | "signal">;

const LAUNCH_KEYS: Readonly<Record<keyof LaunchOptions, true>> = {
  checkpoint: true,
  tokenizer: true,
  device: true,
  dtype: true,
  rows: true,
  rawWeights: true,
  python: true,
  startTimeoutMs: true,
  onLog: true,
  signal: true,
};

const CONNECT_KEYS: Readonly<Record<keyof ConnectOptions, true>> = {
  endpoint: true,
  tokenizer: true,
  rows: true,
  reachTimeoutMs: true,
  signal: true,
};

/**
 * @returns the options with their defaults; `checkpoint` as an absolute path that exists.
 * @throws OptionError, or CheckpointError checkpoint_missing.
 */
export function resolveLaunch(options: LaunchOptions): ResolvedLaunch {
  checkOptions("launch", options, LAUNCH_KEYS);
  const {
    checkpoint = "demo",
    device = "auto",
    dtype = "float32",
    rows = "auto",
    rawWeights = false,
    startTimeoutMs = 120_000,
    ...given
  } = options;
  checkFunction("onLog", given.onLog);
  return {
    tokenizer: optional(given.tokenizer, checkTokenizerOption),
    device: check("device", device, DEVICES, isDevice),
    dtype: check("dtype", dtype, "float32 or bfloat16", isDtype),
    rows: check("rows", rows, ROWS, isRowChoice),
    rawWeights: checkBoolean("rawWeights", rawWeights),
    python: optional(given.python, (python) => checkText("python", python, "a path or a command")),
    startTimeoutMs: checkTimeout("startTimeoutMs", startTimeoutMs),
    onLog: given.onLog,
    signal: checkSignal(given.signal),
    checkpoint: findCheckpoint(checkText("checkpoint", checkpoint, "a path")),
  };
}

/** @throws OptionError. */
export function resolveConnect(options: ConnectOptions): ResolvedConnect {
  checkOptions("connect", options, CONNECT_KEYS);
  const { rows = "auto", reachTimeoutMs = 10_000, ...given } = options;
  return {
    endpoint: checkText("endpoint", given.endpoint, "an ipc:// address"),
    tokenizer: optional(given.tokenizer, checkTokenizerOption),
    rows: check("rows", rows, ROWS, isRowChoice),
    reachTimeoutMs: checkTimeout("reachTimeoutMs", reachTimeoutMs),
    signal: checkSignal(given.signal),
  };
}

const ROWS = "auto, whole or top";
const TOKENIZER = "gpt2, demo, a path, or an object with name, vocabSize, encode and decode";

function findCheckpoint(checkpoint: string): string {
  const { path, remedy } = resolveCheckpoint(checkpoint);
  const cached = cachedModel(path);
  if (cached !== undefined) throw notASnapshot(path, cached);
  if (existsSync(path)) return path;
  throw new CheckpointError("checkpoint_missing", `There is no checkpoint at ${path}`, remedy);
}

function notASnapshot(path: string, { snapshot }: CachedModel): CheckpointError {
  return new CheckpointError(
    "checkpoint_unsupported",
    `${path} is a directory of Hugging Face's cache and no model: its models lie in snapshots`,
    snapshot === undefined
      ? "It has none: download the model again."
      : `Name the directory of the snapshot: ${snapshot}`,
  );
}

function check<T>(
  option: string,
  value: unknown,
  allowed: string,
  holds: (value: unknown) => value is T,
): T {
  if (holds(value)) return value;
  throw new OptionError(option, value, allowed);
}

function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

function checkTokenizerOption(value: unknown): string | Tokenizer {
  return check("tokenizer", value, TOKENIZER, isTokenizerOption);
}

function isDtype(value: unknown): value is "float32" | "bfloat16" {
  return value === "float32" || value === "bfloat16";
}

function isRowChoice(value: unknown): value is RowChoice {
  return value === "auto" || value === "whole" || value === "top";
}

function isTokenizerOption(value: unknown): value is string | Tokenizer {
  if (typeof value === "string") return value !== "";
  return (
    isRecord(value) &&
    typeof value.name === "string" &&
    Number.isSafeInteger(value.vocabSize) &&
    typeof value.encode === "function" &&
    typeof value.decode === "function"
  );
}
