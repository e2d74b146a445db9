/**
 * Gives the event loop a turn now and then, so that timers, abort signals and other work of the program come
 * through while the sampler computes. Counted in work, not in time: a run stays a function of its inputs.
 */
import { AbortedError } from "./errors.ts";

/** Positions visited between two turns: some forty milliseconds. */
const WORK_PER_TURN = 2 ** 20;
/** A token of a row is weighed in so much less time than a position is visited in. */
const TOKENS_A_POSITION = 8;

export class Pace {
  readonly #signal: AbortSignal | undefined;
  #work = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** @returns whether it is time to `await` {@link rest}. */
  spend(work: number): boolean {
    this.#work += work;
    return this.#work >= WORK_PER_TURN;
  }

  /** {@link spend} for the tokens of rows. */
  spendTokens(tokens: number): boolean {
    return this.spend(tokens / TOKENS_A_POSITION);
  }

  /** A timer, because it exists everywhere and, unlike a settled promise, lets the event loop turn. */
  async rest(): Promise<void> {
    this.#work = 0;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0);
    });
    this.checkAborted();
  }

  /** @throws AbortedError whose cause is the signal's reason. */
  checkAborted(): void {
    if (this.#signal?.aborted === true) throw new AbortedError(this.#signal.reason);
  }
}
