/** Tries again what failed in a way that may pass. */
import { setTimeout as sleep } from "node:timers/promises";
import { Interrupted, type DownloadError } from "./errors.ts";

const LONGEST_DELAY_MS = 60_000;

export interface Retries {
  readonly signal: AbortSignal;
  /** How many tries in a row may bring nothing. */
  readonly tries: number;
  /** How long to wait before the second try, in milliseconds; it doubles with each try. */
  readonly retryDelayMs: number;
  readonly onRetry: (reason: string, delayMs: number) => void;
}

/**
 * Calls `attempt` until it is done.
 * @param brokeOff makes the error for the last try.
 * @param arrived how much there is so far: a try that brought something starts the count anew.
 * @throws the error of `brokeOff`; what `attempt` throws, unless it is an Interrupted; the signal's
 * reason.
 */
export async function persist<T>(
  { signal, tries, retryDelayMs, onRetry }: Retries,
  attempt: () => Promise<T>,
  brokeOff: (cause: Interrupted) => DownloadError,
  arrived: () => number = () => 0,
): Promise<T> {
  for (let failures = 0; ;) {
    const before = arrived();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      failures = arrived() > before ? 1 : failures + 1;
      if (failures >= tries) throw brokeOff(error);
      const delay = error.retryAfterMs ?? retryDelayMs * 2 ** (failures - 1);
      const delayMs = Math.min(delay, LONGEST_DELAY_MS);
      onRetry(error.message, delayMs);
      await sleep(delayMs, undefined, { signal });
    }
  }
}
