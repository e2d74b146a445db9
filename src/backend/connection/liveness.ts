/**
 * Finds a backend that is alive but no longer answers. While calls are pending, the backend is
 * asked for a sign of life every `intervalMs`, and given up when it has shown no sign for
 * `limitMs`.
 */
export interface LivenessLimits {
  readonly intervalMs: number;
  readonly limitMs: number;
}

/**
 * The backend's I/O thread answers within a millisecond; the rest of the limit is for overloaded
 * machines.
 */
export const LIVENESS: LivenessLimits = { intervalMs: 2000, limitMs: 30_000 };

export class Liveness {
  readonly #limits: LivenessLimits;
  readonly #ask: () => void;
  readonly #giveUp: (silentMs: number) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #silentTicks = 0;

  constructor(limits: LivenessLimits, ask: () => void, giveUp: (silentMs: number) => void) {
    this.#limits = limits;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  /** Says that calls are pending from now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#silentTicks = 0;
    this.#timer = setInterval(() => {
      this.#tick();
    }, this.#limits.intervalMs);
  }

  /** Says that no call is pending any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Says that a message came: any message is a sign of life. */
  heard(): void {
    this.#silentTicks = 0;
  }

  /**
   * Counts ticks instead of reading the clock: ticks stand still with a blocked event loop or a
   * sleeping computer.
   */
  #tick(): void {
    this.#silentTicks += 1;
    const silentMs = this.#silentTicks * this.#limits.intervalMs;
    // The limit is passed one tick late, because the first question is asked one tick after the
    // start.
    if (silentMs > this.#limits.limitMs) this.#giveUp(silentMs);
    else this.#ask();
  }
}
