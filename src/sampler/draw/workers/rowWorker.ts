/** A `RowWorker` is one worker thread as the thread that hands it rows sees it. */
import type { RowTask } from "../rowTask.ts";
import type { DrawSettings, PieceDraws } from "./piece.ts";
import { SharedRows, SLOTS } from "./sharedRows.ts";
import type { OpenThread, RowThread } from "./thread.ts";

export class RowWorker {
  readonly #shared = new SharedRows();
  readonly #thread: RowThread;
  /** Take the draws of the pieces under way, the oldest first. */
  readonly #waiting: ((draws: PieceDraws) => void)[] = [];
  #sent = 0;
  #hasEnded = false;

  /**
   * @param onEnd is called once, when the thread has ended.
   * @throws what `open` throws.
   */
  constructor(open: OpenThread, onEnd: (cause: unknown) => void) {
    this.#thread = open(this.#shared, {
      drawn: (draws) => {
        this.#waiting.shift()?.(draws);
        if (this.#waiting.length === 0) this.#thread.keepAlive(false);
      },
      ended: (cause) => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        for (const take of this.#waiting.splice(0)) take([]);
        onEnd(cause);
      },
    });
  }

  /** Whether the thread has begun and has a slot to fill. */
  get isFree(): boolean {
    const underWay = (this.#sent - this.#shared.done) | 0;
    return !this.#hasEnded && this.#shared.isReady && underWay < SLOTS;
  }

  /**
   * Hands rows to the free thread; they are copied.
   * @param tasks that a slot has room for.
   * @returns their draws; fewer where a row has none, and if the thread ends before.
   */
  draw(tasks: readonly RowTask[], { model, rule, seed }: DrawSettings): Promise<PieceDraws> {
    const slot = (this.#sent >>> 0) % SLOTS;
    const rows = this.#shared.write(slot, tasks);
    this.#sent = (this.#sent + 1) | 0;
    if (this.#waiting.length === 0) this.#thread.keepAlive(true);
    this.#thread.send({ slot, rows, model, rule, seed });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the thread. */
  end(): Promise<void> {
    return this.#thread.end();
  }
}
