/** The errors of a download. */
import { isRecord } from "../foundation/checks.ts";
import { AbortedError, RemdmError, type RemdmErrorCode } from "../foundation/errors.ts";

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

/** Makes the error of a server that will not give what it was asked for. */
export function refused(message: string, remedy: string): DownloadError {
  return new DownloadError("download_refused", message, remedy);
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

/** How a user names the directory that downloads go to. */
export const BY_NAME =
  "with the option `dir` or REMDM_CACHE (HF_HUB_CACHE for models of the Hugging Face hub)";

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
  const remedies = {
    read: `Make it a file that you may read, or name another directory ${BY_NAME}.`,
    written: `Name a directory that you may write to ${BY_NAME}.`,
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

/**
 * Runs a download until it ends or the caller stops it.
 * @throws AbortedError where the signal fired; else what `work` throws.
 */
export async function stoppable<T>(
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  try {
    signal.throwIfAborted();
    return await work();
  } catch (error) {
    if (!signal.aborted || error instanceof DownloadError) throw error;
    throw new AbortedError(
      error,
      `The download of ${name} was stopped`,
      "Call it again; it goes on from what has arrived.",
    );
  }
}
