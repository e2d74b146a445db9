/**
 * `KnownRows` keeps the rows of a sample that the network answered lately, right or guessed, so
 * that the tokens of later calls can be guessed from them.
 */
import type { RacedDraw } from "../../draw/rowAddress.ts";
import { isWhole, tokensOf, type RowTask } from "../../draw/rowTask.ts";
import type { ActiveSample } from "../sampleState.ts";
import { nearestOf } from "./guess.ts";

/** A row of the network, and the state that it was asked about. */
interface KnownRow {
  readonly row: RowTask["row"];
  readonly tokens: Int32Array;
  /** Where its window begins in the text. */
  readonly offset: number;
  /** What was drawn from it, by step; undefined: it gives no token. */
  readonly draws: Map<number, RacedDraw | undefined>;
}

/** A sample that stands before a step. */
export type GuessedSample = Pick<ActiveSample, "sample" | "step" | "likeliest" | "window">;

/** Draws a token from a row without asking; undefined: the row has no distribution. */
export type DrawGuess = (
  row: RowTask["row"],
  state: GuessedSample,
  position: number,
) => RacedDraw | undefined;

/** A token that may come. */
export interface Guess {
  readonly draw: RacedDraw;
  /** What differs around it: `changesAround`. */
  readonly changes: number;
}

/**
 * Rows that are kept of a position, the newest: with more, guesses are no better
 * (docs/decisions/parallel-in-time.md).
 */
const ROWS_KEPT = 3;
/** Numbers that the rows of a sample may have: 32 MB. Beyond, the oldest are forgotten. */
export const MOST_NUMBERS = 2 ** 23;

export class KnownRows {
  readonly #draw: DrawGuess;
  /** By position in the window, the newest first. */
  readonly #rows = new Map<number, KnownRow[]>();
  /** The oldest first; some are not kept any more. */
  #all: { readonly position: number; readonly known: KnownRow }[] = [];
  #numbers = 0;

  constructor(draw: DrawGuess) {
    this.#draw = draw;
  }

  /** @param state that the row is about; masked at the position. */
  add(
    position: number,
    row: RowTask["row"],
    { tokens, offset }: Pick<KnownRow, "tokens" | "offset">,
  ): void {
    // A copy, because a row is a part of the whole answer, which would be kept with it.
    const own = isWhole(row)
      ? row.slice()
      : { ...row, ids: row.ids.slice(), logits: row.logits.slice() };
    const known: KnownRow = { row: own, tokens, offset, draws: new Map() };
    const rows = this.#rows.get(position) ?? [];
    this.#rows.set(position, rows);
    rows.unshift(known);
    this.#numbers += tokensOf(known);
    this.#all.push({ position, known });
    while (rows.length > ROWS_KEPT) this.#forget(rows, rows[rows.length - 1]);
  }

  /** Forgets the oldest rows where all of them have become too many numbers. */
  tidy(): void {
    if (this.#numbers <= MOST_NUMBERS && this.#all.length <= 2 * ROWS_KEPT * this.#rows.size)
      return;
    this.#all = this.#all.filter(({ position, known }) => {
      const rows = this.#rows.get(position);
      if (rows?.includes(known) !== true) return false;
      if (this.#numbers <= MOST_NUMBERS) return true;
      this.#forget(rows, known);
      return false;
    });
  }

  #forget(rows: KnownRow[], known: KnownRow): void {
    rows.splice(rows.indexOf(known), 1);
    this.#numbers -= tokensOf(known);
  }

  /**
   * Guesses what a position becomes in the step at hand, from the row of the state that differs
   * least.
   * @returns undefined where no row is known.
   */
  guess(state: GuessedSample, position: number): Guess | undefined {
    const { tokens, offset } = state.window;
    const rows = (this.#rows.get(position) ?? []).filter((known) => known.offset === offset);
    const nearest = nearestOf(rows, position, tokens);
    if (nearest === undefined) return undefined;
    const { row, draws } = nearest.state;
    const { step } = state;
    if (!draws.has(step)) draws.set(step, this.#draw(row, state, position));
    const draw = draws.get(step);
    return draw && { draw, changes: nearest.changes };
  }
}
