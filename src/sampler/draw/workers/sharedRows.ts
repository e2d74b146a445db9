/**
 * `SharedRows` is the memory that a worker shares with the thread that hands it rows. It has two
 * slots, so that one can be filled while the worker draws from the other. Neither thread waits for
 * the other: each row has a word of state, and who sets it from OPEN to TAKEN draws the row.
 *
 *     word 0, 1      1 from when the worker has begun; unused
 *     of each slot
 *       word 0, 1    1 from when it is filled until the worker leaves it; unused
 *       then         MOST_ROWS words of state
 *       then         MOST_ROWS draws of four doubles: token, probability, log-probability, lead
 *       then         SLOT_WORDS words: each row's logits, and the ids of a top row
 */
import type { RacedDraw, RowAddress } from "../rowAddress.ts";
import { isWhole, type RowTask } from "../rowTask.ts";

const WORD_BYTES = 4;
const HEAD_WORDS = 2;
const DRAW_DOUBLES = 4;

export const SLOTS = 2;

/** The most rows of a slot. */
export const MOST_ROWS = 512;

/** The words of a slot for the numbers of rows: 1 MiB, five whole rows of GPT-2's vocabulary. */
export const SLOT_WORDS = 2 ** 18;

const STATES_AT = HEAD_WORDS * WORD_BYTES;
const DRAWS_AT = STATES_AT + MOST_ROWS * WORD_BYTES;
const NUMBERS_AT = DRAWS_AT + MOST_ROWS * DRAW_DOUBLES * Float64Array.BYTES_PER_ELEMENT;
const SLOT_BYTES = NUMBERS_AT + SLOT_WORDS * WORD_BYTES;

/** The states of a row. */
const OPEN = 0;
const TAKEN = 1;
const DRAWN = 2;

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
  readonly slots: readonly SharedSlot[];
  readonly #head: Int32Array;

  /** @param buffer of the other thread; default: a new one. */
  constructor(buffer?: SharedArrayBuffer) {
    const head = HEAD_WORDS * WORD_BYTES;
    const shared = buffer ?? new SharedArrayBuffer(head + SLOTS * SLOT_BYTES);
    this.buffer = shared;
    this.#head = new Int32Array(shared, 0, HEAD_WORDS);
    this.slots = Array.from({ length: SLOTS }, (_, i) => {
      return new SharedSlot(shared, head + i * SLOT_BYTES);
    });
  }

  /** Whether the worker has begun. */
  get hasBegun(): boolean {
    return Atomics.load(this.#head, 0) === 1;
  }

  /** Says, in the worker, that it has begun. */
  begin(): void {
    Atomics.store(this.#head, 0, 1);
  }
}

export class SharedSlot {
  readonly #buffer: SharedArrayBuffer;
  readonly #at: number;
  readonly #head: Int32Array;
  readonly #states: Int32Array;
  readonly #draws: Float64Array;

  /** @param at where it begins, in bytes. */
  constructor(buffer: SharedArrayBuffer, at: number) {
    this.#buffer = buffer;
    this.#at = at;
    this.#head = new Int32Array(buffer, at, HEAD_WORDS);
    this.#states = new Int32Array(buffer, at + STATES_AT, MOST_ROWS);
    this.#draws = new Float64Array(buffer, at + DRAWS_AT, MOST_ROWS * DRAW_DOUBLES);
  }

  /** Whether it is filled and the worker has not left it yet. */
  get isFilled(): boolean {
    return Atomics.load(this.#head, 0) === 1;
  }

  /** Copies rows, for which there is room, into the slot that the worker has left. */
  fill(tasks: readonly RowTask[]): RowHead[] {
    let at = this.#at + NUMBERS_AT;
    const heads = tasks.map(({ row, at: address, likeliest }): RowHead => {
      const logits = isWhole(row) ? row : row.logits;
      new Float32Array(this.#buffer, at, logits.length).set(logits);
      at += logits.length * WORD_BYTES;
      const head = { at: address, likeliest, logits: logits.length };
      if (isWhole(row)) return head;
      const { ids, rest, logMass } = row;
      new Int32Array(this.#buffer, at, ids.length).set(ids);
      at += ids.length * WORD_BYTES;
      return { ...head, top: { ids: ids.length, rest, logMass } };
    });
    heads.forEach((_, i) => Atomics.store(this.#states, i, OPEN));
    Atomics.store(this.#head, 0, 1);
    return heads;
  }

  /** Returns the rows as they lie in the slot, without a copy. */
  read(heads: readonly RowHead[]): RowTask[] {
    let at = this.#at + NUMBERS_AT;
    return heads.map(({ at: address, likeliest, logits: count, top }) => {
      const logits = new Float32Array(this.#buffer, at, count);
      at += count * WORD_BYTES;
      if (top === undefined) return { row: logits, at: address, likeliest };
      const { rest, logMass } = top;
      const ids = new Int32Array(this.#buffer, at, top.ids);
      at += top.ids * WORD_BYTES;
      return { row: { ids, logits, rest, logMass }, at: address, likeliest };
    });
  }

  /** Takes a row to draw it; returns whether it was open. */
  take(row: number): boolean {
    return Atomics.compareExchange(this.#states, row, OPEN, TAKEN) === OPEN;
  }

  /** Puts the draw of a row that was taken. */
  put(row: number, { token, probability, logProbability, lead }: RacedDraw): void {
    this.#draws.set([token, probability, logProbability, lead], row * DRAW_DOUBLES);
    Atomics.store(this.#states, row, DRAWN);
  }

  /** Returns the draw of a row; undefined: the worker has not put it. */
  drawOf(row: number): RacedDraw | undefined {
    if (Atomics.load(this.#states, row) !== DRAWN) return undefined;
    const [token, probability, logProbability, lead] = this.#draws.subarray(row * DRAW_DOUBLES);
    return { token, probability, logProbability, lead };
  }

  /** Says, in the worker, that it leaves the slot. */
  leave(): void {
    Atomics.store(this.#head, 0, 0);
  }
}

/** Returns how many words of a slot a row takes. */
export function wordsOf({ row }: RowTask): number {
  return isWhole(row) ? row.length : row.logits.length + row.ids.length;
}
