/**
 * `RoundCost` learns what a call of a network costs, c0 + c1 B ms for B sequences, and says what
 * looking ahead may cost (`window: "auto"`). A later state is worth its sequence if it is likelier
 * than c1 beside the time that a call of a sample takes now. Where a sequence costs about a call,
 * as on a CPU with a large network, nothing is looked ahead.
 */
import type { Denoiser } from "../../denoiser.ts";
import type { PlanLimits } from "./planStates.ts";

/** What may be planned for the samples of a round. */
export type LookAhead = Pick<PlanLimits, "states" | "depth" | "price">;

export const NO_LOOK: LookAhead = { states: 1, depth: 0, price: 1 };
/** The price with a window of a given size: what did best on the bundled `demo`. */
const USUAL_PRICE = 0.25;
/** Calls ahead at most: guesses farther away rest on too many others. */
const FARTHEST = 16;
/** Shorter calls save nothing worth the planning, in ms. */
const SHORTEST_CALL = 2;
/** What a new measurement weighs beside those before. */
const WEIGHT = 0.1;
/** A trial comes after so many calls of one sequence a sample, and after four times as many again. */
const FIRST_TRIAL = 6;
const LATER_TRIALS = 4;
/** What a state may cost in a trial: next to any is taken. */
const TRIAL_PRICE = 0.1;
/** Each round may ask for so many times the states of the one before. */
const GROWTH = 2;

/** Returns what a window of a given size looks ahead. */
export function fixedLook(window: number): LookAhead {
  if (window === 1) return NO_LOOK;
  return { states: window, depth: window, price: USUAL_PRICE };
}

export class RoundCost {
  /** Weighted means of B, ms, B B and B ms over the rounds. */
  #sequences = 0;
  #time = 0;
  #squares = 0;
  #products = 0;
  /** Weighted mean of the calls of samples that a round brought. */
  #accepted = 0;
  #rounds = 0;
  #states = 1;
  #nextTrial = FIRST_TRIAL;

  /** Returns what the next round may look ahead. */
  look(): LookAhead {
    if (this.#time < SHORTEST_CALL || this.#rounds < FIRST_TRIAL) return NO_LOOK;
    const slope = this.#slope();
    const price = slope === undefined ? undefined : slope / (this.#time / this.#accepted);
    if (price !== undefined && price < 1) {
      this.#states = Math.min(FARTHEST, this.#states * GROWTH);
      return { states: this.#states, depth: FARTHEST, price: Math.max(price, 0.02) };
    }
    this.#states = 1;
    if (this.#rounds < this.#nextTrial) return NO_LOOK;
    this.#nextTrial = this.#rounds * LATER_TRIALS;
    return { states: 2, depth: 2, price: TRIAL_PRICE };
  }

  /**
   * Takes in a round.
   * @param sequences that the call had.
   * @param ms that it took.
   * @param accepted how many calls of the samples it answered.
   */
  record(sequences: number, ms: number, accepted: number): void {
    this.#rounds++;
    if (this.#rounds === 1) return; // it may have compiled, loaded and waited for much else
    const weight = Math.max(WEIGHT, 1 / (this.#rounds - 1));
    const mean = (before: number, now: number): number => before + weight * (now - before);
    this.#sequences = mean(this.#sequences, sequences);
    this.#time = mean(this.#time, ms);
    this.#squares = mean(this.#squares, sequences ** 2);
    this.#products = mean(this.#products, sequences * ms);
    this.#accepted = mean(this.#accepted, accepted);
  }

  /** Returns c1 in ms, at least 0; undefined where all calls had the same number of sequences. */
  #slope(): number | undefined {
    const spread = this.#squares - this.#sequences ** 2;
    if (spread < 0.01) return undefined;
    return Math.max(0, (this.#products - this.#sequences * this.#time) / spread);
  }
}

/** The costs that are known of denoisers, by the length of a sequence. */
const known = new WeakMap<Denoiser, Map<number, RoundCost>>();

/** Returns the costs of calls of sequences of a length, as all runs of this process learn them. */
export function costOf(denoiser: Denoiser, length: number): RoundCost {
  const lengths = known.get(denoiser) ?? new Map<number, RoundCost>();
  known.set(denoiser, lengths);
  const cost = lengths.get(length) ?? new RoundCost();
  lengths.set(length, cost);
  return cost;
}
