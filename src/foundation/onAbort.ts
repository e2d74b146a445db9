/** Listening to a caller's signal: one listener a signal, however many runs and calls it is to end. */

/** What is to be called, by signal. */
const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once when the signal fires; not for one that has fired already.
 * With a listener for each run, Node would warn of a leak from the eleventh on (MaxListenersExceededWarning).
 * @returns what takes it back: with its last callback, the signal loses the listener.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const own = (): void => {
    callback();
  };
  const waiting = callbacks.get(signal) ?? new Set();
  callbacks.set(signal, waiting.add(own));
  if (waiting.size === 1) signal.addEventListener("abort", fire);
  return () => {
    if (waiting.delete(own) && waiting.size === 0) signal.removeEventListener("abort", fire);
  };
}

function fire(this: AbortSignal): void {
  this.removeEventListener("abort", fire);
  const waiting = callbacks.get(this);
  callbacks.delete(this);
  for (const callback of waiting ?? []) callback();
}
