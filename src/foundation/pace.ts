/**
 * Gives the event loop a turn now and then, so that timers, abort signals and other work of the
 * program come through during long computations. Turns are counted in work instead of time, so that
 * a run stays a function of its inputs.
 */
import { AbortedError } from "./errors.ts";

/** How many positions are visited between two turns: some forty milliseconds of work. */
const WORK_PER_TURN = 2 ** 20;
/** Weighing one vocabulary entry costs about an eighth of visiting one position. */
const TOKENS_A_POSITION = 8;

export class Pace {
  readonly #signal: AbortSignal | undefined;
  #work = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Counts work, in positions visited; returns whether it is time to `await` {@link rest}. */
  spend(work: number): boolean {
    this.#work += work;
    return this.#work >= WORK_PER_TURN;
  }

  /** Counts work in vocabulary entries weighed; see {@link spend}. */
  spendTokens(tokens: number): boolean {
    return this.spend(tokens / TOKENS_A_POSITION);
  }

  /**
   * Lets the event loop turn. It uses a timer, which exists everywhere and, unlike a settled
   * promise, lets the loop turn.
   */
  async rest(): Promise<void> {
    this.#work = 0;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
    this.checkAborted();
  }

  /** Throws if the signal has fired. @throws AbortedError, whose cause is the signal's reason. */
  checkAborted(): void {
    if (this.#signal?.aborted === true) throw new AbortedError(this.#signal.reason);
  }
}
