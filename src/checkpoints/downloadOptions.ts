/**
 * The options and progress of `downloadCheckpoint`. All options are checked before anything starts.
 */
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
  checkSignal,
  checkTimeout,
} from "../foundation/checks.ts";
import { driveUrl } from "./drive.ts";
import {
  checkPublishedName,
  checkDirectory,
  checkpointFile,
  PUBLISHED,
  type PublishedName,
} from "./published.ts";

export interface DownloadProgress {
  /** In the stage `check` all has arrived, and is read once more for its SHA-256. */
  readonly stage: "download" | "check";
  /**
   * How many bytes are here, earlier attempts included, or were read for the check. It falls only
   * when the file must be fetched anew.
   */
  readonly done: number;
  /** How many bytes the file has; undefined while the server has not said it. */
  readonly total: number | undefined;
}

/** How a download waits, and whom it tells. */
export interface PaceOptions {
  /** Ends the download. The part that has arrived is kept, and the next call goes on from there. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called before another try, with what went wrong and how long the wait is, in milliseconds. */
  readonly onRetry?: (reason: string, delayMs: number) => void;
  /**
   * How long a connection may give nothing before it is given up, in milliseconds, at most 2^31 -
   * 1. Default 30,000.
   */
  readonly stallMs?: number;
  /**
   * How many tries in a row may bring nothing before an error is thrown, in [1, 1000]. Default 5.
   */
  readonly tries?: number;
  /**
   * How long to wait before the second try, in milliseconds. It doubles with each try up to a
   * minute, unless the server says how long to wait. Default 1,000.
   */
  readonly retryDelayMs?: number;
}

export interface DownloadOptions extends PaceOptions {
  /**
   * The directory that the file goes to. Default: `REMDM_CACHE`, else `remdm/checkpoints` in the
   * user's cache.
   */
  readonly dir?: string;
  /**
   * Fetches the file although it is there; the old file stays until the new one is whole. Default
   * false.
   */
  readonly force?: boolean;
  /**
   * The http(s) address of a mirror, which takes Google Drive's query (`?id=...`). Default:
   * `REMDM_DRIVE_URL`, else Google Drive.
   */
  readonly driveUrl?: string;
}

export const PACE_KEYS: Readonly<Record<keyof PaceOptions, true>> = {
  signal: true,
  onProgress: true,
  onRetry: true,
  stallMs: true,
  tries: true,
  retryDelayMs: true,
};

const KEYS: Readonly<Record<keyof DownloadOptions, true>> = {
  ...PACE_KEYS,
  dir: true,
  force: true,
  driveUrl: true,
};

/** The pace with all options resolved. */
export type Pace = Required<PaceOptions>;

/** A download with all options resolved. */
export interface Job extends Pace {
  readonly name: PublishedName;
  readonly dir: string;
  readonly path: string;
  readonly url: string;
  readonly force: boolean;
}

/** Checks the options and fills in the defaults. @throws OptionError. */
export function resolveJob(given: PublishedName, options: DownloadOptions): Job {
  const name = checkPublishedName(given);
  checkOptions("downloadCheckpoint of a published checkpoint", options, KEYS);
  const { force = false } = options;
  const dir = checkDirectory(options.dir);
  return {
    name,
    dir,
    path: checkpointFile(name, dir),
    url: driveUrl(PUBLISHED[name].driveId, options.driveUrl).href,
    force: checkBoolean("force", force),
    ...resolvePace(options),
  };
}

/** Checks the options of the pace and fills in the defaults. @throws OptionError. */
export function resolvePace(options: PaceOptions): Pace {
  const { stallMs = 30_000, tries = 5, retryDelayMs = 1000 } = options;
  const { onProgress = () => undefined, onRetry = () => undefined } = options;
  checkFunction("onProgress", onProgress);
  checkFunction("onRetry", onRetry);
  const positive = "a number of milliseconds above 0";
  return {
    signal: checkSignal(options.signal) ?? new AbortController().signal,
    stallMs: checkTimeout("stallMs", stallMs),
    tries: checkInteger("tries", tries, 1, 1000),
    retryDelayMs: checkNumber("retryDelayMs", retryDelayMs, positive, (x) => x > 0),
    onProgress,
    onRetry,
  };
}
