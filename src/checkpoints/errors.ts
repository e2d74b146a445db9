/** The errors of a download. */
import { isRecord } from "../foundation/checks.ts";
import { RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

export type DownloadErrorCode = Extract<
  RemdmErrorCode,
  `download_${string}` | "checkpoint_invalid" | "output_failed"
>;

/**
 * Says why a checkpoint was not downloaded.
 * - `download_interrupted`: it broke off, and the same call goes on from there.
 * - `download_refused`: the server will not give the file.
 * - `download_busy`: another process is downloading it.
 * - `checkpoint_invalid`: the file that arrived is not a checkpoint.
 * - `output_failed`: the disk failed, is full, or refuses.
 */
export class DownloadError extends RemdmError {
  override readonly name = "DownloadError";

  constructor(code: DownloadErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { code, remedy, cause });
  }
}

/** Says that a request failed in a way that may pass, so that another try is worth it. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

const FULL = new Set<unknown>(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Makes a typed error of a file system's error; a typed error stays as it is.
 * @param what names what was to be done with the file.
 */
export function fileError(
  path: string,
  cause: unknown,
  what: "read" | "written" = "written",
): DownloadError {
  if (cause instanceof DownloadError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  const elsewhere = "another directory with the option `dir` or REMDM_CACHE.";
  const remedies = {
    read: `Make it a file that you may read, or name ${elsewhere}`,
    written: "Name a directory that you may write to with the option `dir` or REMDM_CACHE.",
  };
  return new DownloadError(
    "output_failed",
    `${path} cannot be ${what}: ${why}`,
    isRecord(cause) && FULL.has(cause.code)
      ? "Free some space; the same command then goes on from what has arrived."
      : remedies[what],
    cause,
  );
}
