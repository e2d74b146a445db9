/**
 * Listens to Ctrl-C and SIGTERM: the first ends the work in order, within a second; the second ends
 * everything at once. A part of the work may take a Ctrl-C for itself.
 */

/** As shells count: 128 and the number of the signal. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof EXIT_CODES;

/** In order means within this time. */
const GRACE_MS = 800;

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #received: Signal | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #part: (() => void) | undefined;

  /** @param listens false: signals are left alone, and only {@link stop} ends the work. */
  constructor(listens: boolean) {
    if (!listens) return;
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  /** Fires when the work is to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** undefined: nobody interrupted. */
  get exitCode(): number | undefined {
    return this.#received && EXIT_CODES[this.#received];
  }

  /** Ends the work for another reason than a signal. */
  stop(): void {
    this.#controller.abort();
  }

  /**
   * Names a part of the work that Ctrl-C ends instead of all of it.
   * @param end called at each Ctrl-C; undefined: there is no such part any more.
   */
  endPartWith(end: (() => void) | undefined): void {
    this.#part = end;
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
    clearTimeout(this.#deadline);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (signal === "SIGINT" && this.#part !== undefined && this.#received === undefined) {
      this.#part();
      return;
    }
    const code = signal === "SIGTERM" ? EXIT_CODES.SIGTERM : EXIT_CODES.SIGINT;
    // The backend goes with us: its standard input closes, whatever else happens.
    if (this.#received !== undefined) process.exit(code);
    this.#received = signal === "SIGTERM" ? "SIGTERM" : "SIGINT";
    this.#deadline = setTimeout(() => process.exit(code), GRACE_MS);
    this.#controller.abort();
  };
}
