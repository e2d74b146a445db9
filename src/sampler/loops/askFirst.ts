/**
 * The ask-first loop asks the network in each step for a few statistics of the rows, lets the
 * strategy select the positions that change, and then asks for the rows of positions that become
 * tokens, of the same forward. All samples of a batch take each step together. For SEDD this is the
 * distribution of the original's `analytic` predictor without its score tensors (docs/design.md).
 */
import { RemdmError } from "../../foundation/errors.ts";
import { Pace } from "../../foundation/pace.ts";
import type { Row, RowState, RowStep, Told } from "../definition.ts";
import type { Denoiser } from "../denoiser.ts";
import { takesLikeliest } from "../draw/drawRule.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { RowPool } from "../draw/workers/rowPool.ts";
import type {
  ProgressEvent,
  RemaskedEvent,
  RevealedEvent,
  SamplerEvent,
  SamplerOutcome,
} from "../events.ts";
import { beginFrom } from "../start.ts";
import { stepOf } from "../plan.ts";
import { toldOf, type LoopPlan } from "../loopPlan.ts";
import type { PreparedRun } from "../prepare.ts";
import { seenLength } from "../blocks.ts";
import type { RowField } from "../rowFields.ts";
import { networkSigma } from "../schedule.ts";
import { adjusted } from "./adjusted.ts";
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { draftMasked, remasked, revealed } from "./changeEvents.ts";
import type { ParticleLoop } from "./guided.ts";
import { Ledger } from "./ledger.ts";
import { callsOf, stack } from "./question.ts";
import { RowDraws } from "./rowDraws.ts";
import { RowForward, type ForwardSample, type ForwardTools, type ToDraw } from "./rowForward.ts";
import { RowSample } from "./rowSample.ts";
import { checkRemasks, checkSelection, placesOf, type CheckedSelection } from "./selection.ts";
import { fieldsOf, tellRow, type Fields } from "./toldRows.ts";

type AskFirstPlan = Extract<LoopPlan, { kind: "askFirst" }>;

/** A sample in a step of the loop. */
interface Asked extends ForwardSample {
  readonly sample: RowSample;
  readonly step: RowStep;
  readonly told: Told;
  /** Ascending positions whose rows are asked for. */
  readonly positions: readonly number[];
}

/** The changes of a step in one of the samples that are open. */
type Change = CheckedSelection & ToDraw;

/** The step at hand: its index, in [0, T], and its number over all parts of the text. */
interface Clock {
  readonly i: number;
  readonly number: number;
}

export class AskFirst implements ParticleLoop<RowSample> {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #plan: AskFirstPlan;
  readonly #noise: NoiseSource;
  readonly #pace: Pace;
  readonly #tools: ForwardTools;
  readonly ledger: Ledger;
  readonly #fields: Fields;
  readonly #cache = nextCache();
  /** What the samples that have begun have not told yet; a guided run tells no changes. */
  readonly #untold: RemaskedEvent[] = [];

  constructor(
    denoiser: Denoiser,
    run: PreparedRun,
    plan: AskFirstPlan,
    noise: NoiseSource,
    pool?: RowPool,
  ) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#plan = plan;
    this.#noise = noise;
    this.#pace = new Pace(run.signal);
    this.ledger = new Ledger(run);
    const rows = new RowDraws(denoiser, run, noise, this.#pace, pool);
    this.#tools = { denoiser, run, rows, ledger: this.ledger };
    this.#fields = fieldsOf(plan.definition.kind, plan.fields, {
      ranksLast: run.suppressed.size > 0,
      takesLikeliest: takesLikeliest(run) && denoiser.statistics !== undefined,
    });
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.ledger.outcome();
  }

  get #steps(): number {
    return this.#plan.times.length - 1;
  }

  /** Number of the steps of all parts, with the final noise removal of each. */
  get #allSteps(): number {
    return this.#run.parts * (this.#steps + 1);
  }

  async *#sample(numbers: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const batch = numbers.map((sample) => this.begin(sample));
    yield* this.#untold.splice(0);
    yield* this.#takeSteps(batch, 0, this.#allSteps);
    for (const { sample, window } of batch) yield this.ledger.finish(sample, window.text());
  }

  begin(number: number): RowSample {
    const settings = { ...this.#run, maskId: this.#denoiser.model.maskId };
    const row = new RowSample(number, settings, this.#newMemory());
    const { start, steps } = this.#run;
    if (start === undefined) return row;
    const draft = { steps, noise: this.#noise, sample: number };
    const masked = beginFrom(start, row.window.tokens, draft);
    if (masked.length > 0) this.#untold.push(draftMasked(start, number, masked));
    return row;
  }

  #newMemory(): unknown {
    const { definition, options } = this.#plan;
    return definition.memory?.(options, this.#run.length);
  }

  async *advance(
    samples: readonly RowSample[],
    until: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    this.#untold.length = 0;
    const to = Math.min(until, this.#allSteps);
    const i = to % (this.#steps + 1);
    const { batchSize, parts } = this.#run;
    for (let first = 0; first < samples.length; first += batchSize) {
      const batch = samples.slice(first, first + batchSize);
      yield* this.#takeSteps(batch, batch[0].step, to);
      for (const one of batch) {
        const { part } = one.window;
        one.step = to;
        one.stepsDone = part * this.#steps + (part === parts ? 0 : i);
        one.finished = part === parts || (part === parts - 1 && !this.#isOpen(one, i));
        one.time = one.finished ? 0 : this.#plan.times[i];
      }
    }
  }

  release(): void {
    this.#denoiser.release?.(this.#cache);
  }

  /** Takes steps, by their numbers over all parts, from `from` to before `until`. */
  async *#takeSteps(
    batch: readonly RowSample[],
    from: number,
    until: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    const steps = this.#steps;
    for (let number = from; number < until; number++) {
      const i = number % (steps + 1);
      const removal = number - i + steps;
      const open = batch.filter((one) => this.#isOpen(one, i));
      if (open.length === 0) {
        number = Math.min(removal, until - 1); // what is revealed never moves
      } else {
        const clock = { i, number };
        yield* i === steps ? this.#removeNoise(open, clock) : this.#step(open, clock);
        yield this.#progress(batch.length, clock);
      }
      if (number === removal) for (const one of batch) one.endPart(this.#newMemory());
    }
  }

  #progress(samples: number, { i, number }: Clock): ProgressEvent {
    const { times } = this.#plan;
    const steps = this.#steps;
    const before = ((number - i) / (steps + 1)) * steps;
    const time = times[i === steps ? 0 : i + 1];
    const next = number + 1 === this.#allSteps ? undefined : { step: number + 1, time };
    return this.ledger.progress(samples * (before + Math.min(i + 1, steps)), next);
  }

  /** Tells whether anything can still happen in step i, or later in the part at hand. */
  #isOpen(one: RowSample, i: number): boolean {
    const { definition, lastTold, stepsAfter } = this.#plan;
    if (one.window.done || one.window.free.length === 0) return false;
    if (one.masks > 0) return true;
    if (definition.untimed !== true) return i <= lastTold;
    return !one.settled && one.stepsAfter < stepsAfter;
  }

  /** Takes one step: asks, lets the strategy select, and carries out what it selected. */
  async *#step(
    open: readonly RowSample[],
    clock: Clock,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const { definition, options } = this.#plan;
    this.#pace.checkAborted();
    const asked: Asked[] = [];
    for (const sample of open) {
      const step = this.#stepOf(sample, clock.i);
      const told = toldOf(definition, options, step);
      yield* this.#remaskFirst(sample, step, told, clock);
      const positions = Array.from(sample.window.free).filter((position) => {
        return told === true || sample.isMasked(position);
      });
      asked.push({ sample, step, told, positions, draws: new Map() });
    }
    const forward = this.#forward(asked, clock);
    const rows = await this.#askRows(asked, forward, clock);
    const changes = rows.map((own, b) => {
      const { sample, step } = asked[b];
      const places = placesOf(own);
      const selection: unknown = definition.select(options, step, own, sample.memory);
      const checked = checkSelection(definition.kind, clock.i, selection, places);
      const changed = checked.tokens.length + checked.masks.length > 0;
      if (definition.untimed === true && !changed && sample.masks > 0) {
        throw new RemdmError(
          `The strategy ${definition.kind} reveals nothing in step ${clock.i}, where masks are left`,
          {
            code: "strategy_invalid",
            remedy:
              "Let it reveal one masked position at least: it takes as many steps as it needs.",
          },
        );
      }
      sample.settled = !changed;
      if (sample.masks === 0) sample.stepsAfter++;
      return { b, ...checked };
    });
    yield* this.#carryOut(asked, changes, forward, clock, false);
  }

  /** The last step: reveals every masked position. */
  async *#removeNoise(
    open: readonly RowSample[],
    clock: Clock,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const asked = open.map((sample): Asked => {
      const positions = Array.from(sample.window.free).filter((one) => sample.isMasked(one));
      const step = this.#stepOf(sample, clock.i - 1);
      return { sample, step, told: false, positions, draws: new Map() };
    });
    const changes = asked.map(({ positions }, b) => ({ b, masks: [], tokens: positions }));
    yield* this.#carryOut(asked, changes, this.#forward(asked, clock), clock, true);
  }

  #stepOf(sample: RowSample, i: number): RowStep {
    const { definition, times } = this.#plan;
    const { vocabSize } = this.#denoiser.model;
    const free = sample.window.free.length;
    let [t, s] = [times[i], times[i + 1]];
    if (definition.untimed === true) {
      const { masks } = sample;
      [t, s] = [masks / free, Math.max(0, masks - 1) / free];
    }
    return { ...stepOf(t, s, this.#run.quirks), index: i, steps: this.#steps, free, vocabSize };
  }

  /** Carries out what the strategy remasks before the network is asked. */
  *#remaskFirst(
    sample: RowSample,
    step: RowStep,
    told: Told,
    clock: Clock,
  ): Generator<RemaskedEvent, void, void> {
    const { definition, options } = this.#plan;
    if (definition.remaskFirst === undefined || told === false) return;
    const states = this.#states(sample, clock, Array.from(sample.window.free));
    const places = placesOf(states);
    const selected: unknown = definition.remaskFirst(options, step, states, sample.memory);
    const positions = checkRemasks(definition.kind, clock.i, selected, places);
    if (positions.length > 0) yield this.#remasked(sample, positions, step.t, clock);
  }

  #states(sample: RowSample, clock: Clock, positions: readonly number[]): RowState[] {
    return positions.map((position) => {
      return sample.stateAt(position, this.#noise.position(sample.sample, clock.number, position));
    });
  }

  #remasked(
    sample: RowSample,
    positions: readonly number[],
    time: number,
    clock: Clock,
  ): RemaskedEvent {
    return remasked(placeOf(sample, time, clock), positions, sample.remask(positions));
  }

  /** Begins a forward about the texts as they stand, at the time of the grid or of each sample. */
  #forward(asked: readonly Asked[], { i, number }: Clock): RowForward {
    const { times, definition } = this.#plan;
    const windows = asked.map(({ sample }) => sample.window);
    const length = seenLength(this.#denoiser.model, this.#run.length, windows);
    const rows = asked.flatMap(({ positions }, b) => positions.map((at) => b * length + at));
    const sigma = asked.map(({ step }) => {
      return networkSigma(definition.untimed === true ? step.t : times[i]);
    });
    const request = {
      batch: asked.length,
      length,
      tokens: stack(windows.map(({ tokens }) => tokens.subarray(0, length))),
      sigma: Float32Array.from(sigma),
      rows: Int32Array.from(rows),
      cache: this.#cache,
    };
    return new RowForward(this.#tools, adjusted(request, this.#run, windows), asked, number);
  }

  /** Asks for what the strategy reads. @returns [B] the rows that it is told of each sample. */
  async #askRows(
    asked: readonly Asked[],
    forward: RowForward,
    clock: Clock,
  ): Promise<Row<RowField>[][]> {
    const { statistics, drawn } = this.#fields;
    const { suppressed } = this.#run;
    const { particles = 1 } = this.#run.guide ?? {};
    if (drawn) {
      const places = asked.map(({ positions }, b) => ({ b, tokens: positions }));
      for (const call of this.#inCalls(places)) await forward.draw(call, false);
    }
    const values = await forward.statistics(statistics);
    const rows: Row<RowField>[][] = [];
    let n = 0;
    for (const { sample, told, positions, draws } of asked) {
      const free = told === "state" ? Array.from(sample.window.free) : positions;
      const own: Row<RowField>[] = [];
      for (const state of this.#states(sample, clock, free)) {
        const { position } = state;
        const isAsked = told === true || state.masked;
        const row = new (isAsked ? this.#fields.Asked : this.#fields.Known)(state);
        own.push(row);
        if (!isAsked) continue;
        const at = { sample: sample.sample, particles, step: clock.number, position };
        const width = statistics.length;
        const numbers = values.subarray(n * width, (n + 1) * width);
        tellRow(row, this.#fields, { at, numbers, draw: draws.get(position), suppressed });
        n++;
        if (this.#pace.spend(1)) await this.#pace.rest();
      }
      rows.push(own);
    }
    return rows;
  }

  /** Cuts what is to be drawn into calls that are not too large. */
  #inCalls<Part extends ToDraw>(parts: readonly Part[]): Generator<Part[]> {
    return callsOf(parts, this.#denoiser.model.vocabSize, ({ tokens }) => tokens.length);
  }

  /**
   * Asks for the rows of positions that become tokens, changes the texts, and tells the changes.
   * @param isRemoval whether this is the final noise removal.
   */
  async *#carryOut(
    asked: readonly Asked[],
    changes: readonly Change[],
    forward: RowForward,
    clock: Clock,
    isRemoval: boolean,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const likeliest = isRemoval && (this.#plan.definition.lastStep ?? "argmax") === "argmax";
    for (const call of this.#inCalls(changes)) {
      this.#pace.checkAborted();
      await forward.draw(call, likeliest);
      for (const { b, masks, tokens } of call) {
        const { sample, step, draws } = asked[b];
        const time = isRemoval ? this.#plan.times[clock.i] : step.t;
        if (masks.length > 0) yield this.#remasked(sample, masks, time, clock);
        if (tokens.length === 0) continue;
        const came = tokens
          .map((position) => draws.get(position))
          .filter((one) => one !== undefined);
        sample.reveal(tokens, came);
        yield revealed(placeOf(sample, time, clock), tokens, came);
      }
    }
  }
}

/** Returns the place of a step in the text of a sample, for its events. */
function placeOf({ sample, window: { offset } }: RowSample, time: number, { number }: Clock) {
  return { sample, step: number, time, offset };
}
