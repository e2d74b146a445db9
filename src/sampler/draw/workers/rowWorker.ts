/** A `RowWorker` is one worker thread as the thread that hands it rows sees it. */
import type { RacedDraw } from "../rowAddress.ts";
import type { RowTask } from "../rowTask.ts";
import type { DrawSettings } from "./piece.ts";
import { SharedRows, type SharedSlot } from "./sharedRows.ts";
import type { OpenThread, RowThread } from "./thread.ts";

export class RowWorker {
  readonly #shared = new SharedRows();
  readonly #thread: RowThread;
  /** The slots whose draws are not fetched yet. */
  readonly #held = new Set<SharedSlot>();

  /**
   * @param onEnd is called when the thread has ended, maybe twice.
   * @throws what `open` throws.
   */
  constructor(open: OpenThread, onEnd: (cause: unknown) => void) {
    this.#thread = open(this.#shared, onEnd);
  }

  /** Whether the thread has begun and takes rows. */
  get isFree(): boolean {
    return this.#shared.hasBegun && this.#freeSlot() >= 0;
  }

  /** Hands rows to the free thread; they are copied. @param tasks for which a slot has room. */
  hand(tasks: readonly RowTask[], { model, rule, seed }: DrawSettings): HandedRows {
    const place = this.#freeSlot();
    const slot = this.#shared.slots[place];
    this.#held.add(slot);
    this.#thread.send({ slot: place, rows: slot.fill(tasks), model, rule, seed });
    return new HandedRows(slot, () => this.#held.delete(slot));
  }

  /** Ends the thread. */
  end(): Promise<void> {
    return this.#thread.end();
  }

  #freeSlot(): number {
    return this.#shared.slots.findIndex((slot) => !slot.isFilled && !this.#held.has(slot));
  }
}

/** Rows that a worker has. Nothing waits for it: a row that it has not begun can be taken back. */
export class HandedRows {
  readonly #slot: SharedSlot;
  readonly #release: () => void;

  constructor(slot: SharedSlot, release: () => void) {
    this.#slot = slot;
    this.#release = release;
  }

  /** Whether the worker has gone through all of them. */
  get isOver(): boolean {
    return !this.#slot.isFilled;
  }

  /** Takes a row back; returns false where the worker has begun it. */
  takeBack(row: number): boolean {
    return this.#slot.take(row);
  }

  /** Returns the worker's draw of a row; undefined: there is none, or none yet. */
  drawOf(row: number): RacedDraw | undefined {
    return this.#slot.drawOf(row);
  }

  /** Leaves the place to other rows, as soon as the worker leaves it too. */
  release(): void {
    this.#release();
  }
}
