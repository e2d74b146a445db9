/**
 * One sequence on its own clock: which positions change in a step is drawn here, before the network is asked what
 * they become (docs/design.md, section 2, "Draw first, ask later").
 */
import type { Draw } from "./categorical.ts";
import { Confidence } from "./confidence.ts";
import type { TokenId } from "./denoiser.ts";
import type { NoiseSource } from "./noise.ts";
import type { Plan } from "./plan.ts";

/** What one step changes in one sample: two disjoint ascending lists of positions. */
export interface StepEvents {
  readonly reveals: Int32Array;
  readonly remasks: Int32Array;
}

const NO_POSITIONS = new Int32Array(0);
const QUIET: StepEvents = { reveals: NO_POSITIONS, remasks: NO_POSITIONS };

/** What all samples of a run have in common. */
export interface SampleSettings {
  readonly plan: Plan;
  readonly maskId: TokenId;
  readonly length: number;
  readonly pinned: ReadonlyMap<number, TokenId>;
}

export class SampleState {
  readonly sample: number;
  /** [L] the sequence as it stands before the step at hand. */
  readonly tokens: Int32Array<ArrayBuffer>;
  readonly #plan: Plan;
  readonly #maskId: TokenId;
  /** The positions that are not pinned: nothing ever happens at the others. */
  readonly #free: Int32Array;
  readonly #confidence: Confidence | undefined;
  #step = 0;

  constructor(sample: number, { plan, maskId, length, pinned }: SampleSettings) {
    this.sample = sample;
    this.#plan = plan;
    this.#maskId = maskId;
    this.tokens = new Int32Array(length).fill(maskId);
    for (const [position, token] of pinned) this.tokens[position] = token;
    this.#free = Int32Array.from(this.tokens.keys()).filter((position) => !pinned.has(position));
    this.#confidence = plan.confidence ? new Confidence(length) : undefined;
  }

  /** The step at hand, in [0, T + 1]: T is the final noise removal, T + 1 is the end. */
  get step(): number {
    return this.#step;
  }

  get finished(): boolean {
    return this.#step > this.#plan.steps;
  }

  /** Whether the step at hand is the final noise removal: all masks go, by argmax. */
  get final(): boolean {
    return this.#step === this.#plan.steps;
  }

  /** Number of draws that a step may take. */
  get freePositions(): number {
    return this.#free.length;
  }

  /** Draws the events of the step at hand from the state before it; changes nothing. */
  drawEvents(noise: NoiseSource): StepEvents {
    const reveal = this.final ? 1 : this.#plan.reveal[this.#step];
    const remask = this.final ? 0 : this.#plan.remask[this.#step];
    if (reveal === 0 && remask === 0) return QUIET;
    const remaskOf = this.#remaskChances(remask);
    const reveals: number[] = [];
    const remasks: number[] = [];
    for (const position of this.#free) {
      const masked = this.tokens[position] === this.#maskId;
      const chance = masked ? reveal : remaskOf(position);
      if (chance === 0) continue;
      if (chance < 1 && noise.event(this.sample, this.#step, position) >= chance) continue;
      (masked ? reveals : remasks).push(position);
    }
    return { reveals: Int32Array.from(reveals), remasks: Int32Array.from(remasks) };
  }

  /**
   * Carries the events out and goes on to the next step.
   * @param draws what each of `events.reveals` became, in their order.
   */
  apply(events: StepEvents, draws: readonly Draw[]): void {
    for (const position of events.remasks) {
      this.tokens[position] = this.#maskId;
      this.#confidence?.remask(position);
    }
    draws.forEach(({ token, probability }, i) => {
      this.tokens[events.reveals[i]] = token;
      this.#confidence?.reveal(events.reveals[i], probability);
    });
    this.#step++;
  }

  /** A revealed position's chance of a remask in this step: `remask`, or under confidence its share of it. */
  #remaskChances(remask: number): (position: number) => number {
    const confidence = this.#confidence;
    if (confidence === undefined || remask === 0) return () => remask;
    const total = confidence.total();
    return (position) => remask * confidence.share(position, total);
  }
}
