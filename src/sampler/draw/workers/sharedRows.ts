/**
 * `SharedRows` is the memory that a worker shares with the thread that hands it rows: two slots, so
 * that one is filled while the worker draws from the other, and a word of state for each side to
 * look at without waiting for a message.
 *
 *     word 0      1 from when the worker has begun
 *     word 1      number of slots that it is done with, modulo 2^32
 *     then        SLOTS slots of SLOT_WORDS words: the logits of each row, of a top row also its ids
 */
import { isWhole, type RowTask } from "../rowTask.ts";
import type { RowAddress } from "../rowAddress.ts";

const READY = 0;
const DONE = 1;
const STATE_WORDS = 2;
const WORD_BYTES = 4;

export const SLOTS = 2;

/**
 * The words of a slot: 1 MiB, five whole rows of GPT-2's vocabulary. With larger slots the calling
 * thread waits longer for the last of them.
 */
export const SLOT_WORDS = 2 ** 18;

/** What a worker is told of a row, whose numbers lie in the slot. */
export interface RowHead {
  readonly at: RowAddress;
  readonly likeliest: boolean;
  /** How many logits there are. */
  readonly logits: number;
  /** Of a top row: how many ids there are, and its other numbers. */
  readonly top?: { readonly ids: number; readonly rest: number; readonly logMass: number };
}

export class SharedRows {
  readonly buffer: SharedArrayBuffer;
  readonly #state: Int32Array;

  /** @param buffer of the other thread; default: a new one. */
  constructor(buffer?: SharedArrayBuffer) {
    const words = STATE_WORDS + SLOTS * SLOT_WORDS;
    this.buffer = buffer ?? new SharedArrayBuffer(words * WORD_BYTES);
    this.#state = new Int32Array(this.buffer, 0, STATE_WORDS);
  }

  /** Whether the worker has begun. */
  get isReady(): boolean {
    return Atomics.load(this.#state, READY) === 1;
  }

  /** How many slots the worker is done with, modulo 2^32, as a signed integer. */
  get done(): number {
    return Atomics.load(this.#state, DONE);
  }

  /** Says, in the worker, that it has begun. */
  begin(): void {
    Atomics.store(this.#state, READY, 1);
  }

  /** Says, in the worker, that it is done with a slot. */
  finishSlot(): void {
    Atomics.add(this.#state, DONE, 1);
  }

  /** Copies rows into a slot in which there is room for them. */
  write(slot: number, tasks: readonly RowTask[]): RowHead[] {
    let at = this.#beginOf(slot);
    return tasks.map(({ row, at: address, likeliest }) => {
      const logits = isWhole(row) ? row : row.logits;
      new Float32Array(this.buffer, at, logits.length).set(logits);
      at += logits.length * WORD_BYTES;
      const head = { at: address, likeliest, logits: logits.length };
      if (isWhole(row)) return head;
      const { ids, rest, logMass } = row;
      new Int32Array(this.buffer, at, ids.length).set(ids);
      at += ids.length * WORD_BYTES;
      return { ...head, top: { ids: ids.length, rest, logMass } };
    });
  }

  /** Returns the rows of a slot as they lie there, without a copy. */
  read(slot: number, heads: readonly RowHead[]): RowTask[] {
    let at = this.#beginOf(slot);
    return heads.map(({ at: address, likeliest, logits: count, top }) => {
      const logits = new Float32Array(this.buffer, at, count);
      at += count * WORD_BYTES;
      if (top === undefined) return { row: logits, at: address, likeliest };
      const { rest, logMass } = top;
      const ids = new Int32Array(this.buffer, at, top.ids);
      at += top.ids * WORD_BYTES;
      return { row: { ids, logits, rest, logMass }, at: address, likeliest };
    });
  }

  #beginOf(slot: number): number {
    return (STATE_WORDS + slot * SLOT_WORDS) * WORD_BYTES;
  }
}

/** Returns how many words of a slot a row takes. */
export function wordsOf({ row }: RowTask): number {
  return isWhole(row) ? row.length : row.logits.length + row.ids.length;
}
