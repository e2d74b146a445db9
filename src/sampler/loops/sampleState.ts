/**
 * A `SampleState` is one sequence on its own clock. It draws which positions change in a step
 * before the network is asked what they become (docs/design.md, section 2, "Draw first, ask
 * later").
 */
import type { Draw } from "../draw/rowSampler.ts";
import { Confidence } from "./confidence.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { Plan } from "../plan.ts";
import { TextWindow, type WindowSettings } from "./textWindow.ts";

/**
 * The changes of one step in one sample: two disjoint ascending lists of positions in its window.
 */
export interface Changes {
  readonly reveals: Int32Array;
  readonly remasks: Int32Array;
}

const NO_POSITIONS = new Int32Array(0);
export const QUIET: Changes = { reveals: NO_POSITIONS, remasks: NO_POSITIONS };

/** Positions that may change in a step, ascending, and the number that decides for each. */
interface Candidates {
  readonly positions: readonly number[];
  readonly numbers: readonly number[];
}

/** Steps whose candidates are kept: those between a sample and how far it is looked ahead. */
const STEPS_KEPT = 64;

/** One sequence under way in the draw-first loop, whose changes come at times of its own. */
export interface ActiveSample {
  readonly sample: number;
  /** The text as it stands before the step at hand. */
  readonly window: TextWindow;
  /** Number of the step at hand over all parts. */
  readonly step: number;
  /** Steps that are done over all parts, as the run counts them for its progress. */
  readonly stepsDone: number;
  /** t of the step at hand, at which the network is asked; known once its changes are drawn. */
  readonly time: number;
  readonly finished: boolean;
  /** Tells whether the reveals of the step at hand take the likeliest tokens, undrawn. */
  readonly likeliest: boolean;
  /** Copies the sample as it stands. @param sample the number that the copy draws with. */
  clone(sample: number): ActiveSample;
  /**
   * Draws the changes of the step at hand from the state before it. The tokens stay as they are,
   * and drawing again gives the same changes.
   */
  drawChanges(noise: NoiseSource): Changes;
  /**
   * Carries the changes out and goes on to the next step.
   * @param draws what each of `changes.reveals` became, in their order.
   */
  apply(changes: Changes, draws: readonly Draw[]): void;
}

/** The settings that all samples of a run have in common. */
export interface SampleSettings extends WindowSettings {
  readonly plan: Plan;
  /** Rounds confidences. */
  readonly round?: (x: number) => number;
}

export class SampleState implements ActiveSample {
  readonly sample: number;
  readonly #settings: SampleSettings;
  readonly window: TextWindow;
  #confidence: Confidence | undefined;
  /** In the part at hand. */
  #step = 0;
  /** What may change, by the step over all parts; a copy that looks ahead shares it. */
  #candidates = new Map<number, Candidates>();

  constructor(sample: number, settings: SampleSettings, window = new TextWindow(settings)) {
    this.sample = sample;
    this.#settings = settings;
    this.window = window;
    this.#confidence = this.#newConfidence();
  }

  clone(sample: number): SampleState {
    const copy = new SampleState(sample, this.#settings, this.window.clone());
    if (this.#confidence !== undefined) copy.#confidence?.assign(this.#confidence);
    copy.#step = this.#step;
    if (sample === this.sample) copy.#candidates = this.#candidates;
    return copy;
  }

  /**
   * Number of the step at hand over all parts; each has T + 1, and the last one is the final noise
   * removal.
   */
  get step(): number {
    return this.window.part * (this.#settings.plan.steps + 1) + this.#step;
  }

  /** Steps that are done over all parts; the final noise removal is not counted. */
  get stepsDone(): number {
    return this.window.part * this.#settings.plan.steps + this.#step;
  }

  /** t at the start of the step at hand. */
  get time(): number {
    return this.#settings.plan.times[this.#step];
  }

  get finished(): boolean {
    return this.window.done;
  }

  /** Tells whether the step at hand is the final noise removal: all masks go. */
  get final(): boolean {
    return this.#step === this.#settings.plan.steps;
  }

  get likeliest(): boolean {
    return this.final && this.#settings.plan.removal === "argmax";
  }

  drawChanges(noise: NoiseSource): Changes {
    const { plan, maskId } = this.#settings;
    const reveal = this.final ? 1 : plan.reveal[this.#step];
    const remask = this.final ? 0 : plan.remask[this.#step];
    if (reveal === 0 && remask === 0) return QUIET;
    const remaskOf = this.#remaskChances(remask);
    const reveals: number[] = [];
    const remasks: number[] = [];
    const { positions, numbers } = this.#candidatesOf(reveal, remask, noise);
    for (const [i, position] of positions.entries()) {
      const masked = this.window.tokens[position] === maskId;
      const chance = masked ? reveal : remaskOf(position);
      if (numbers[i] < chance) (masked ? reveals : remasks).push(position);
    }
    return { reveals: Int32Array.from(reveals), remasks: Int32Array.from(remasks) };
  }

  /**
   * Finds the free positions that may change in the step at hand. Which of them do depends on the
   * tokens, but their numbers do not, so they are drawn once, however often the step is guessed.
   */
  #candidatesOf(reveal: number, remask: number, noise: NoiseSource): Candidates {
    const { step } = this;
    const known = this.#candidates.get(step);
    if (known !== undefined) return known;
    const most = Math.max(reveal, remask); // under confidence no share is more than all of them
    const positions: number[] = [];
    const numbers: number[] = [];
    const isCertain = most >= 1 && Math.min(reveal, remask) === 0; // nothing is left to chance
    for (const position of this.window.free) {
      const number = isCertain ? 0 : noise.position(this.sample, step, position);
      if (number >= most) continue;
      positions.push(position);
      numbers.push(number);
    }
    const candidates = { positions, numbers };
    this.#candidates.set(step, candidates);
    if (this.#candidates.size > STEPS_KEPT) {
      const [oldest] = this.#candidates.keys();
      this.#candidates.delete(oldest);
    }
    return candidates;
  }

  apply(changes: Changes, draws: readonly Draw[]): void {
    const { plan, maskId } = this.#settings;
    for (const position of changes.remasks) {
      this.window.tokens[position] = maskId;
      this.#confidence?.remask(position);
    }
    draws.forEach(({ token, probability }, i) => {
      this.window.tokens[changes.reveals[i]] = token;
      this.#confidence?.reveal(changes.reveals[i], probability);
    });
    this.#step++;
    if (this.#step > plan.steps) this.#endPart();
  }

  #endPart(): void {
    this.#step = 0;
    this.window.next();
    this.#confidence = this.#newConfidence();
  }

  #newConfidence(): Confidence | undefined {
    const { plan, length, round } = this.#settings;
    return plan.confidence ? new Confidence(length, round) : undefined;
  }

  /**
   * Returns a revealed position's chance of a remask in this step: `remask`, or under confidence
   * its share of it.
   */
  #remaskChances(remask: number): (position: number) => number {
    const confidence = this.#confidence;
    if (confidence === undefined || remask === 0) return () => remask;
    const total = confidence.total();
    return (position) => remask * confidence.share(position, total);
  }
}
