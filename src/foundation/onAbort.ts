/** Listens to a caller's signal with one listener, however many runs and calls it ends. */

/** The callbacks of each signal. */
const callbacks = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once when the signal fires, and never for a signal that has fired already. With
 * a listener for each run, Node would warn of a leak from the eleventh on
 * (MaxListenersExceededWarning).
 * @returns a function that takes the callback back; with its last callback, the signal loses the
 * listener.
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
