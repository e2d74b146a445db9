/**
 * `RoundCost` learns what a call of a network costs, c0 + c1 B ms for B sequences, and says what
 * looking ahead may cost (`window: "auto"`). A later state is worth its sequence if it is likelier
 * than c1 beside the time that a call of a sample takes now. Where a sequence costs about a call,
 * as on a CPU with a large network, nothing is looked ahead.
 */
import type { Denoiser } from "../../denoiser.ts";
import type { PlanLimits } from "./planStates.ts";

/** What may be planned for the samples of a round. */
export type LookAhead = Pick<PlanLimits, "states" | "depth" | "further" | "price">;

export const NO_LOOK: LookAhead = { states: 1, depth: 0, further: 0, price: 1 };
/** What a round asks for: rows of a few positions, or numbers of all rows too. */
export type RoundKind = "drawFirst" | "askFirst";

/** The price with a window of a given size: what did best on the bundled `demo`. */
const USUAL_PRICE: Readonly<Record<RoundKind, number>> = { drawFirst: 0.25, askFirst: 0.05 };
/** Calls after the last state whose rows are asked for, likewise. */
const USUAL_FURTHER = 8;
/** Calls ahead at most: guesses farther away rest on too many others. */
const FARTHEST = 16;
/** Shorter calls save nothing worth the planning, in ms. */
const SHORTEST_CALL = 2;
/**
 * A call that takes so many ms at its best computes rather than waits, so that a sequence more
 * costs a call more: not even a trial pays.
 */
const LONGEST_CALL = 200;
/** What a measurement weighs, at least, beside those of the same number of sequences before. */
const WEIGHT = 0.05;
/** A trial comes after so many rounds without looking ahead, and after eight times as many. */
const FIRST_TRIAL = 6;
const LATER_TRIALS = 8;
/** Rounds of a trial, the first of which has no rows to guess from, and its window. */
const TRIAL_ROUNDS = 3;
const TRIAL: LookAhead = { states: 3, depth: 3, further: FARTHEST, price: 0.1 };
/**
 * Where a sequence costs more of a call than this, nothing is looked ahead. Guesses of what a
 * strategy selects come true so rarely that sequences must be almost free.
 */
const MOST_PRICE: Readonly<Record<RoundKind, number>> = { drawFirst: 0.9, askFirst: 0.2 };
/** A trial ends early where a sequence costs so many times that. */
const DEAR = 1.3;
/** However cheap a sequence is, a state that is less likely than this is not asked about. */
const LEAST_PRICE = 0.02;
/** Each round may ask for so many times the states of the one before. */
const GROWTH = 2;

/** Returns what a window of a given size looks ahead. */
export function fixedLook(window: number, kind: RoundKind = "drawFirst"): LookAhead {
  if (window === 1) return NO_LOOK;
  return { states: window, depth: window, further: USUAL_FURTHER, price: USUAL_PRICE[kind] };
}

/** Returns what the next round may look ahead. @param samples that it is about. */
export function lookFor(
  window: number | "auto",
  samples: number,
  cost: RoundCost,
  kind: RoundKind = "drawFirst",
): LookAhead {
  return window === "auto" ? cost.look(samples) : fixedLook(window, kind);
}

export class RoundCost {
  /** By number of sequences: the weighted mean of the time in ms, and of how many rounds. */
  readonly #times = new Map<number, { ms: number; weight: number }>();
  /** Weighted mean of a round's time for each call of a sample that it answered, in ms. */
  #msACall = 0;
  /** In ms: what else the machine does makes other calls longer. */
  #shortest = Infinity;
  #rounds = 0;
  #looks = 0;
  #states = 1;
  #nextTrial = FIRST_TRIAL;
  readonly #mostPrice: number;

  constructor(kind: RoundKind = "drawFirst") {
    this.#mostPrice = MOST_PRICE[kind];
  }

  /** Returns what the next round may look ahead. @param samples that it is about. */
  look(samples: number): LookAhead {
    this.#looks++;
    const isMeasured = this.#msACall > 0;
    if (!isMeasured || this.#shortest < SHORTEST_CALL || this.#shortest > LONGEST_CALL) {
      return NO_LOOK;
    }
    const price = this.#price(samples);
    if (price !== undefined && price < this.#mostPrice) {
      this.#states = Math.min(FARTHEST, this.#states * GROWTH);
      const asked = Math.max(price, LEAST_PRICE);
      return { states: this.#states, depth: FARTHEST, further: FARTHEST, price: asked };
    }
    this.#states = 1;
    if (this.#looks < this.#nextTrial) return NO_LOOK;
    const isOver = this.#looks >= this.#nextTrial + TRIAL_ROUNDS;
    if (!isOver && (price === undefined || price < DEAR * this.#mostPrice)) return TRIAL;
    this.#nextTrial = this.#looks * LATER_TRIALS;
    return NO_LOOK;
  }

  /**
   * Takes in a round.
   * @param sequences that the call had.
   * @param ms that it took.
   * @param accepted how many calls of the samples it answered.
   */
  record(sequences: number, ms: number, accepted: number): void {
    this.#rounds++;
    this.#shortest = Math.min(this.#shortest, ms);
    if (this.#rounds === 1) return; // it may have compiled, loaded and waited for much else
    const time = this.#times.get(sequences) ?? { ms: 0, weight: 0 };
    time.weight = Math.min(time.weight + 1, 1 / WEIGHT);
    time.ms += (ms - time.ms) / time.weight;
    this.#times.set(sequences, time);
    const share = Math.max(2 * WEIGHT, 1 / (this.#rounds - 1));
    this.#msACall += share * (ms / accepted - this.#msACall);
  }

  /**
   * Returns what a sequence costs beside a call of a sample: as calls come now, or without looking
   * ahead where that is less. undefined where all calls had the same number of sequences.
   */
  #price(samples: number): number | undefined {
    if (this.#times.size < 2) return undefined;
    const points = [...this.#times].map(([sequences, { ms, weight }]) => ({
      sequences,
      ms,
      weight,
    }));
    const whole = points.reduce((sum, { weight }) => sum + weight, 0);
    const mean = points.reduce((sum, { sequences, weight }) => sum + weight * sequences, 0) / whole;
    let rise = 0;
    let run = 0;
    for (const { sequences, ms, weight } of points) {
      rise += weight * (sequences - mean) * ms;
      run += weight * (sequences - mean) ** 2;
    }
    const middle = points.reduce((sum, { ms, weight }) => sum + weight * ms, 0) / whole;
    const sequence = Math.max(0, rise / run);
    const fixed = middle - sequence * mean;
    return sequence / Math.min(this.#msACall, sequence + Math.max(0, fixed) / samples);
  }
}

/** The costs that are known of denoisers, by the kind of a round and the length of a sequence. */
const known = new WeakMap<Denoiser, Map<string, RoundCost>>();

/** Returns the costs of calls of sequences of a length, as all runs of this process learn them. */
export function costOf(
  denoiser: Denoiser,
  length: number,
  kind: RoundKind = "drawFirst",
): RoundCost {
  const costs = known.get(denoiser) ?? new Map<string, RoundCost>();
  known.set(denoiser, costs);
  const key = `${kind} ${length}`;
  const cost = costs.get(key) ?? new RoundCost(kind);
  costs.set(key, cost);
  return cost;
}
