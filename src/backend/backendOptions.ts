/**
 * Options that say where and how a backend process runs its network. Every launch takes them: a
 * model to sample from (`Remdm.launch`) and a judge of texts (`Judge.launch`).
 */
import {
  checkBoolean,
  checkFunction,
  checkSignal,
  checkText,
  checkTimeout,
} from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { DEVICES, isDevice, type Device } from "./device.ts";

export interface BackendOptions {
  /**
   * Where the network runs. Default `auto`: a CUDA GPU, else an Apple GPU (`mps`), else the CPU.
   */
  readonly device?: Device;
  /** The number format that the network computes in. Default `float32`. */
  readonly dtype?: "float32" | "bfloat16";
  /**
   * Use the weights of the last training step instead of the averaged (EMA) ones. Default false.
   */
  readonly rawWeights?: boolean;
  /**
   * The Python of an environment that has the backend's packages: a path or a command. Default: see
   * `findPython`.
   */
  readonly python?: string;
  /** How long loading PyTorch and the checkpoint may take, in milliseconds. Default 120,000. */
  readonly startTimeoutMs?: number;
  /** Receives each line that the backend logs. */
  readonly onLog?: (line: string) => void;
  /** Gives up the start. It has no effect once the backend runs: then call `close`. */
  readonly signal?: AbortSignal;
}

/** The options of {@link BackendOptions}, for checks of unknown keys. */
export const BACKEND_KEYS: Readonly<Record<keyof BackendOptions, true>> = {
  device: true,
  dtype: true,
  rawWeights: true,
  python: true,
  startTimeoutMs: true,
  onLog: true,
  signal: true,
};

/** The options with their defaults; what has no default is undefined where it was not given. */
export type ResolvedBackendOptions = Required<Omit<BackendOptions, WithoutDefault>> & {
  readonly [Key in WithoutDefault]: BackendOptions[Key] | undefined;
};
type WithoutDefault = "python" | "onLog" | "signal";

/** Checks each option and fills in the defaults. @throws OptionError. */
export function resolveBackendOptions(options: BackendOptions): ResolvedBackendOptions {
  const { device = "auto", dtype = "float32", rawWeights = false } = options;
  const { startTimeoutMs = 120_000, python, onLog, signal } = options;
  checkFunction("onLog", onLog);
  if (!isDevice(device)) throw new OptionError("device", device, DEVICES);
  if (!isDtype(dtype)) throw new OptionError("dtype", dtype, "float32 or bfloat16");
  return {
    device,
    dtype,
    rawWeights: checkBoolean("rawWeights", rawWeights),
    python: python === undefined ? undefined : checkText("python", python, "a path or a command"),
    startTimeoutMs: checkTimeout("startTimeoutMs", startTimeoutMs),
    onLog,
    signal: checkSignal(signal),
  };
}

function isDtype(value: unknown): value is "float32" | "bfloat16" {
  return value === "float32" || value === "bfloat16";
}
