/**
 * Finds a backend that is alive but answers nothing any more. While calls are pending it is asked for a
 * sign of life every `intervalMs`; when none came for `limitMs` it is given up.
 */
export interface LivenessLimits {
  readonly intervalMs: number;
  readonly limitMs: number;
}

/** The backend's I/O thread answers within a millisecond; the rest is for machines that are out of breath. */
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

  /** Calls are pending from now on. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#silentTicks = 0;
    this.#timer = setInterval(() => {
      this.#tick();
    }, this.#limits.intervalMs);
  }

  /** Nothing is pending any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Any message is a sign of life. */
  heard(): void {
    this.#silentTicks = 0;
  }

  /** Ticks are counted, not the clock: they stand still with a blocked event loop or a sleeping computer. */
  #tick(): void {
    this.#silentTicks += 1;
    const silentMs = this.#silentTicks * this.#limits.intervalMs;
    // One tick more than the limit, for the time before the first question was asked.
    if (silentMs > this.#limits.limitMs) this.#giveUp(silentMs);
    else this.#ask();
  }
}
