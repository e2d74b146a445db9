/**
 * A `Division` divides the rows of a call between the calling thread and the workers while they are
 * drawn. The calling thread takes one row after the other, and between two of them gives each free
 * worker some of the rows that are left. When none is left it takes back rows that the workers have
 * not begun, the last ones first, so that all are done at about the same time.
 */
import type { RacedDraw } from "../rowAddress.ts";
import { tokensOf, type RowTask } from "../rowTask.ts";
import type { DrawSettings } from "./piece.ts";
import type { RowPool } from "./rowPool.ts";
import type { HandedRows } from "./rowWorker.ts";
import { MOST_ROWS, SLOT_WORDS, wordsOf } from "./sharedRows.ts";

interface Handed {
  /** The first of the rows among all of the call, and how many they are. */
  readonly first: number;
  readonly count: number;
  readonly rows: HandedRows;
}

export class Division {
  readonly #tasks: readonly RowTask[];
  readonly #settings: DrawSettings | undefined;
  readonly #pool: RowPool | undefined;
  /** What workers have, in the order of the rows. */
  readonly #handed = new Set<Handed>();
  readonly #draws: (RacedDraw | undefined)[] = [];
  #next = 0;
  #tokensLeft: number;

  /** @param settings undefined: the calling thread draws all rows. */
  constructor(
    tasks: readonly RowTask[],
    settings: DrawSettings | undefined,
    pool: RowPool | undefined,
  ) {
    this.#tasks = tasks;
    this.#settings = settings;
    this.#pool = pool;
    this.#tokensLeft = tokensIn(tasks);
  }

  /** Gives the rows that the calling thread is to draw, one after the other. */
  *ownRows(): Generator<number, void, void> {
    while (this.#next < this.#tasks.length) {
      this.#handOver();
      if (this.#next === this.#tasks.length) break;
      this.#tokensLeft -= tokensOf(this.#tasks[this.#next]);
      yield this.#next++;
    }
    for (const { first, count, rows } of [...this.#handed].reverse()) {
      for (let i = count - 1; i >= 0; i--) if (rows.takeBack(i)) yield first + i;
    }
  }

  /** Returns the draws that workers have made until now, each at the place of its row. */
  fetch(): readonly (RacedDraw | undefined)[] {
    for (const handed of this.#handed) this.#fetch(handed);
    return this.#draws;
  }

  /** Leaves the workers to others. */
  release(): void {
    for (const { rows } of this.#handed) rows.release();
  }

  #fetch({ first, count, rows }: Handed): void {
    for (let i = 0; i < count; i++) this.#draws[first + i] = rows.drawOf(i);
  }

  /** Gives each free worker a piece of its share of what is left. */
  #handOver(): void {
    const settings = this.#settings;
    if (settings === undefined || this.#pool === undefined) return;
    for (const handed of this.#handed) {
      if (!handed.rows.isOver) continue;
      this.#fetch(handed);
      handed.rows.release();
      this.#handed.delete(handed);
    }
    const workers = this.#pool.start();
    for (const worker of workers) {
      if (!worker.isFree) continue;
      const piece = this.#piece(this.#tokensLeft / (workers.length + 1));
      if (piece.length === 0) return;
      const [first, count] = [this.#next, piece.length];
      this.#handed.add({ first, count, rows: worker.hand(piece, settings) });
      this.#next += count;
      this.#tokensLeft -= tokensIn(piece);
    }
  }

  /**
   * Returns the next rows, of `most` tokens in all but at least one, as far as a slot has room.
   */
  #piece(most: number): readonly RowTask[] {
    let words = 0;
    let tokens = 0;
    let end = this.#next;
    const last = Math.min(this.#tasks.length, end + MOST_ROWS);
    for (; end < last; end++) {
      words += wordsOf(this.#tasks[end]);
      tokens += tokensOf(this.#tasks[end]);
      if (words > SLOT_WORDS || (tokens > most && end > this.#next)) break;
    }
    return this.#tasks.slice(this.#next, end);
  }
}

function tokensIn(tasks: readonly RowTask[]): number {
  return tasks.reduce((sum, task) => sum + tokensOf(task), 0);
}
