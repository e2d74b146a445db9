/** The two ways in which a call ends without an answer and without the end of the connection. */
import { onAbort } from "../../foundation/onAbort.ts";
import { AbortedError } from "../../foundation/errors.ts";
import { timeoutError } from "./connectionErrors.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Reject with backend_timeout after this long; default: never, the liveness watch finds a hung backend. */
  readonly timeoutMs?: number | undefined;
}

/** Calls `reject` when the signal fires or the time is over; returns what takes both back. */
export function rejectOn(
  { signal, timeoutMs }: CallOptions,
  reject: (error: unknown) => void,
): () => void {
  const release =
    signal &&
    onAbort(signal, () => {
      reject(new AbortedError(signal.reason));
    });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          reject(timeoutError(timeoutMs));
        }, timeoutMs);
  return () => {
    clearTimeout(timer);
    release?.();
  };
}
