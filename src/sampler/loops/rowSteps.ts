/**
 * `RowSteps` does what a step of the ask-first loop does to one sample, apart from asking the
 * network: the loop does it to samples, and its look-ahead to copies of them.
 */
import { RemdmError } from "../../foundation/errors.ts";
import type { Row, RowState, RowStep, Told } from "../definition.ts";
import type { Denoiser, TokenId } from "../denoiser.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { Draw } from "../draw/rowAddress.ts";
import { toldOf, type LoopPlan } from "../loopPlan.ts";
import { stepOf } from "../plan.ts";
import type { PreparedRun } from "../prepare.ts";
import type { RowField } from "../rowFields.ts";
import type { RowSample } from "./rowSample.ts";
import { checkRemasks, checkSelection, placesOf, type CheckedSelection } from "./selection.ts";
import { tellRow, type Fields } from "./toldRows.ts";

export type AskFirstPlan = Extract<LoopPlan, { kind: "askFirst" }>;

/** The step at hand: its index, in [0, T], and its number over all parts of the text. */
export interface Clock {
  readonly i: number;
  readonly number: number;
}

/** A sample that stands before the question of a step. */
export interface BegunStep {
  readonly sample: RowSample;
  readonly clock: Clock;
  readonly step: RowStep;
  readonly told: Told;
  /** t at which the network is asked. */
  readonly time: number;
  /** Ascending positions that the network is asked about. */
  readonly positions: readonly number[];
}

/** What is remasked before the network is asked. */
export interface FirstRemasks {
  readonly positions: readonly number[];
  /** The tokens that stood there. */
  readonly left: readonly TokenId[];
}

/** What the network said about a position. */
export interface RowAnswer {
  /** In the order of the statistics that were asked for. */
  readonly numbers: Float32Array;
  /** The token that was drawn; undefined: none was. */
  readonly draw: Draw | undefined;
}

export class RowSteps {
  readonly #model: Denoiser["model"];
  readonly #run: PreparedRun;
  readonly #plan: AskFirstPlan;
  readonly #noise: NoiseSource;
  readonly #fields: Fields;

  constructor(
    { model }: Denoiser,
    run: PreparedRun,
    plan: AskFirstPlan,
    noise: NoiseSource,
    fields: Fields,
  ) {
    this.#model = model;
    this.#run = run;
    this.#plan = plan;
    this.#noise = noise;
    this.#fields = fields;
  }

  /** T, the number of steps of a part without its final noise removal. */
  get steps(): number {
    return this.#plan.times.length - 1;
  }

  /** Whether a token is drawn at every row before the strategy selects. */
  get drawsAll(): boolean {
    return this.#fields.drawn;
  }

  /** Tells whether anything can still happen in step i, or later in the part at hand. */
  isOpen(one: RowSample, i: number): boolean {
    const { definition, lastTold, stepsAfter } = this.#plan;
    if (one.window.done || one.window.free.length === 0) return false;
    if (one.masks > 0) return true;
    if (definition.untimed !== true) return i <= lastTold;
    return !one.settled && one.stepsAfter < stepsAfter;
  }

  /** Begins a step, and carries out what the strategy remasks before the network is asked. */
  begin(sample: RowSample, clock: Clock): readonly [BegunStep, FirstRemasks | undefined] {
    const { definition, options, times } = this.#plan;
    const step = this.#stepOf(sample, clock.i);
    const told = toldOf(definition, options, step);
    const remasks = this.#remaskFirst(sample, step, told, clock);
    const positions = Array.from(sample.window.free).filter((position) => {
      return told === true || sample.isMasked(position);
    });
    const time = definition.untimed === true ? step.t : times[clock.i];
    return [{ sample, clock, step, told, time, positions }, remasks];
  }

  /**
   * Begins the step after one that was carried out.
   * @returns undefined where the network is not asked in it, or it is the final noise removal.
   */
  next({ sample, clock }: BegunStep): BegunStep | undefined {
    const next = { i: clock.i + 1, number: clock.number + 1 };
    if (next.i === this.steps || !this.isOpen(sample, next.i)) return undefined;
    return this.begin(sample, next)[0];
  }

  /** Begins the final noise removal, which reveals every masked position. */
  beginRemoval(sample: RowSample, clock: Clock): BegunStep {
    const { definition, times } = this.#plan;
    const step = this.#stepOf(sample, clock.i - 1);
    const positions = Array.from(sample.window.free).filter((one) => sample.isMasked(one));
    const time = definition.untimed === true ? step.t : times[clock.i];
    return { sample, clock, step, told: false, time, positions };
  }

  /**
   * Makes the rows that the strategy is told.
   * @param answerAt what the network said about each of `positions`.
   * @throws RemdmError `denoiser_invalid` for a row without a distribution.
   */
  rowsOf(begun: BegunStep, answerAt: (position: number) => RowAnswer): Row<RowField>[] {
    const { sample, clock, told, positions } = begun;
    const { suppressed, guide } = this.#run;
    const free = told === "state" ? Array.from(sample.window.free) : positions;
    return this.#states(sample, clock, free).map((state) => {
      const { position } = state;
      const isAsked = told === true || state.masked;
      const row = new (isAsked ? this.#fields.Asked : this.#fields.Known)(state);
      if (!isAsked) return row;
      const { particles = 1 } = guide ?? {};
      const at = { sample: sample.sample, particles, step: clock.number, position };
      tellRow(row, this.#fields, { at, ...answerAt(position), suppressed });
      return row;
    });
  }

  /**
   * Lets the strategy select, and notes in the sample whether it changed anything.
   * @throws RemdmError `strategy_invalid`; whatever the strategy throws.
   */
  select({ sample, clock, step }: BegunStep, rows: readonly Row<RowField>[]): CheckedSelection {
    const { definition, options } = this.#plan;
    const places = placesOf(rows);
    const selection: unknown = definition.select(options, step, rows, sample.memory);
    const checked = checkSelection(definition.kind, clock.i, selection, places);
    const changed = checked.tokens.length + checked.masks.length > 0;
    if (definition.untimed === true && !changed && sample.masks > 0) {
      throw new RemdmError(
        `The strategy ${definition.kind} reveals nothing in step ${clock.i}, where masks are left`,
        {
          code: "strategy_invalid",
          remedy: "Let it reveal one masked position at least: it takes as many steps as it needs.",
        },
      );
    }
    sample.settled = !changed;
    if (sample.masks === 0) sample.stepsAfter++;
    return checked;
  }

  #stepOf(sample: RowSample, i: number): RowStep {
    const { definition, times } = this.#plan;
    const { vocabSize } = this.#model;
    const free = sample.window.free.length;
    let [t, s] = [times[i], times[i + 1]];
    if (definition.untimed === true) {
      const { masks } = sample;
      [t, s] = [masks / free, Math.max(0, masks - 1) / free];
    }
    return { ...stepOf(t, s, this.#run.quirks), index: i, steps: this.steps, free, vocabSize };
  }

  #remaskFirst(
    sample: RowSample,
    step: RowStep,
    told: Told,
    clock: Clock,
  ): FirstRemasks | undefined {
    const { definition, options } = this.#plan;
    if (definition.remaskFirst === undefined || told === false) return undefined;
    const states = this.#states(sample, clock, Array.from(sample.window.free));
    const places = placesOf(states);
    const selected: unknown = definition.remaskFirst(options, step, states, sample.memory);
    const positions = checkRemasks(definition.kind, clock.i, selected, places);
    return positions.length === 0 ? undefined : { positions, left: sample.remask(positions) };
  }

  #states(sample: RowSample, clock: Clock, positions: readonly number[]): RowState[] {
    return positions.map((position) => {
      return sample.stateAt(position, this.#noise.position(sample.sample, clock.number, position));
    });
  }
}
