/** Ends a call on its abort signal or its time limit: the connection goes on without its answer. */
import { onAbort } from "../../foundation/onAbort.ts";
import { AbortedError } from "../../foundation/errors.ts";
import { timeoutError } from "./connectionErrors.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * Rejects with backend_timeout after this many milliseconds. Default: never; the liveness watch
   * finds a hung backend.
   */
  readonly timeoutMs?: number | undefined;
}

/** Calls `reject` when the signal fires or the time is over; returns a function that stops both. */
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
