/** A signal that never fires, and how many listeners are on it. */
export function countedSignal(): {
  readonly signal: AbortSignal;
  readonly listeners: () => number;
} {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners--;
    remove(...given);
  };
  return { signal, listeners: () => listeners };
}
