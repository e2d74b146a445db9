/**
 * `KnownStatistics` keeps what the network said lately about the states of a sample, right or
 * guessed, so that a strategy can select in states that the network was not asked about.
 */
import type { AskedState } from "../rowForward.ts";
import type { TextWindow } from "../textWindow.ts";
import { changesEverywhere } from "./guess.ts";

type KnownState = Pick<AskedState, "tokens" | "offset" | "numbers">;

/** Numbers that are kept of a sample: 8 MB. The newest state stays in any case. */
const MOST_NUMBERS = 2 ** 21;
/** States that are kept of a sample, the newest: with more, guesses are no better. */
const STATES_KEPT = 32;

export class KnownStatistics {
  /** The newest first. */
  #states: readonly KnownState[] = [];

  /** @param states the likeliest first. */
  add(states: readonly KnownState[]): void {
    const all = [...states, ...this.#states].slice(0, STATES_KEPT);
    let numbers = 0;
    this.#states = all.filter((one, i) => {
      for (const row of one.numbers.values()) numbers += row.length;
      return i === 0 || numbers <= MOST_NUMBERS;
    });
  }

  /**
   * Finds the numbers of positions in the states that differ least around each of them.
   * @returns undefined where a position is not known.
   */
  near(
    { tokens, offset }: TextWindow,
    positions: readonly number[],
  ): ReadonlyMap<number, Float32Array> | undefined {
    const nearest = new Map<number, Float32Array>();
    const changes = new Float64Array(tokens.length).fill(Infinity);
    for (const state of this.#states) {
      if (state.offset !== offset) continue;
      const differs = changesEverywhere(tokens, state.tokens);
      for (const position of positions) {
        const numbers = state.numbers.get(position);
        if (numbers === undefined || differs[position] >= changes[position]) continue;
        changes[position] = differs[position];
        nearest.set(position, numbers);
      }
    }
    return nearest.size === positions.length ? nearest : undefined;
  }
}
