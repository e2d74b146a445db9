/**
 * The ask-first loop asks the network in each step for a few statistics of the rows, lets the
 * strategy select the positions that change, and then asks for the rows of positions that become
 * tokens, of the same forward. All samples of a batch take each step together. For SEDD this is the
 * distribution of the original's `analytic` predictor without its score tensors (docs/design.md).
 */
import { RemdmError } from "../../foundation/errors.ts";
import { Pace } from "../../foundation/pace.ts";
import type { Row, RowState, RowStep, Told } from "../definition.ts";
import type { Denoiser, ForwardRequest } from "../denoiser.ts";
import type { NoiseSource } from "../draw/noise.ts";
import { invalidRow } from "../draw/rowAddress.ts";
import type { Draw } from "../draw/rowSampler.ts";
import type { RemaskedEvent, RevealedEvent, SamplerEvent, SamplerOutcome } from "../events.ts";
import { stepOf } from "../plan.ts";
import type { LoopPlan } from "../loopPlan.ts";
import type { PreparedRun } from "../prepare.ts";
import type { RowField } from "../rowFields.ts";
import { networkSigma } from "../schedule.ts";
import { adjusted } from "./adjusted.ts";
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import type { ParticleLoop } from "./guided.ts";
import { Ledger } from "./ledger.ts";
import { askStatistics, inCalls, stack } from "./question.ts";
import { RowDraws } from "./rowDraws.ts";
import { RowSample } from "./rowSample.ts";
import { checkRemasks, checkSelection, placesOf, type CheckedSelection } from "./selection.ts";
import { fieldsOf, tellDrawn, type Fields } from "./toldRows.ts";

type AskFirstPlan = Extract<LoopPlan, { kind: "askFirst" }>;

/** A sample in a step of the loop. */
interface Asked {
  readonly sample: RowSample;
  readonly step: RowStep;
  readonly told: Told;
  /** Ascending positions whose rows are asked for. */
  readonly positions: readonly number[];
  /** The draws that are made already, by position. */
  readonly draws: Map<number, Draw>;
}

/** The changes of a step in one of the samples that are open. */
interface Change extends CheckedSelection {
  readonly b: number;
}

/** The step at hand: its index, in [0, T], and its number over all windows. */
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
  readonly #rows: RowDraws;
  readonly ledger: Ledger;
  readonly #fields: Fields;
  readonly #cache = nextCache();

  constructor(denoiser: Denoiser, run: PreparedRun, plan: AskFirstPlan, noise: NoiseSource) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#plan = plan;
    this.#noise = noise;
    this.#pace = new Pace(run.signal);
    this.#rows = new RowDraws(denoiser, run, noise, this.#pace);
    this.ledger = new Ledger(run);
    this.#fields = fieldsOf(plan.definition, plan.options, run.quirks, run.suppressed.size > 0);
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

  async *#sample(numbers: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const { stride, strides } = this.#run;
    const { definition, options } = this.#plan;
    const batch = numbers.map((sample) => this.begin(sample));
    for (let w = 0; w <= strides; w++) {
      if (w > 0) {
        const memory = () => definition.memory?.(options, this.#run.length);
        for (const one of batch) one.begin(stride, memory());
      }
      yield* this.#takeSteps(batch, w, 0, this.#steps + 1);
    }
    for (const { sample, window } of batch) yield this.ledger.finish(sample, window.text());
  }

  begin(number: number): RowSample {
    const { definition, options } = this.#plan;
    const one = new RowSample(number, { ...this.#run, maskId: this.#denoiser.model.maskId });
    one.begin(0, definition.memory?.(options, this.#run.length));
    return one;
  }

  async *advance(
    samples: readonly RowSample[],
    until: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    const to = Math.min(until, this.#steps + 1);
    const { batchSize } = this.#run;
    for (let first = 0; first < samples.length; first += batchSize) {
      const batch = samples.slice(first, first + batchSize);
      yield* this.#takeSteps(batch, 0, batch[0].step, to);
      for (const one of batch) {
        one.step = to;
        one.stepsDone = Math.min(to, this.#steps);
        one.finished = !this.#isOpen(one, to);
        one.time = one.finished ? 0 : this.#plan.times[to];
      }
    }
  }

  release(): void {
    this.#denoiser.release?.(this.#cache);
  }

  /** Takes the steps of window w from step `from` to before `until`. */
  async *#takeSteps(
    batch: readonly RowSample[],
    w: number,
    from: number,
    until: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    const { times } = this.#plan;
    const steps = this.#steps;
    for (let i = from; i < until; i++) {
      const open = batch.filter((one) => this.#isOpen(one, i));
      if (open.length === 0) return; // what is revealed never moves
      const clock = { i, number: w * (steps + 1) + i };
      yield* i === steps ? this.#removeNoise(open, clock) : this.#step(open, clock);
      const isLast = i === steps && w === this.#run.strides;
      const next = isLast
        ? undefined
        : { step: clock.number + 1, time: times[i === steps ? 0 : i + 1] };
      yield this.ledger.progress(batch.length * (w * steps + Math.min(i + 1, steps)), next);
    }
  }

  /** Tells whether anything can still happen in step i or later. */
  #isOpen(one: RowSample, i: number): boolean {
    const { definition, options, lastTold } = this.#plan;
    if (one.window.free.length === 0 || i > this.#steps) return false;
    if (one.masks > 0) return true;
    if (definition.untimed !== true) return i <= lastTold;
    return !one.settled && one.stepsAfter < (definition.stepsAfter?.(options) ?? 0);
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
      const told = toldOf(this.#plan, step);
      yield* this.#remaskFirst(sample, step, told, clock);
      const positions = Array.from(sample.window.free).filter((position) => {
        return told === true || sample.isMasked(position);
      });
      asked.push({ sample, step, told, positions, draws: new Map() });
    }
    const request = this.#requestOf(asked, clock.i);
    const rows = await this.#askRows(asked, request, clock);
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
    const { statistics, drawn } = this.#fields;
    const isCounted = request.rows.length > 0 && (drawn || statistics.length > 0);
    yield* this.#carryOut(asked, changes, request, clock, { isRemoval: false, isCounted });
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
    const request = this.#requestOf(asked, clock.i);
    const options = { isRemoval: true, isCounted: false };
    yield* this.#carryOut(asked, changes, request, clock, options);
  }

  #stepOf(sample: RowSample, i: number): RowStep {
    const { definition, times } = this.#plan;
    const { vocabSize } = this.#denoiser.model;
    const free = sample.window.free.length;
    const masks = definition.untimed === true ? sample.masks : 0;
    const [t, s] =
      definition.untimed === true
        ? [masks / free, Math.max(0, masks - 1) / free]
        : [times[i], times[i + 1]];
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
    const tokens = sample.remask(positions);
    return {
      type: "remasked",
      sample: sample.sample,
      step: clock.number,
      time,
      positions: sample.inText(positions),
      tokens,
    };
  }

  /** Asks about the texts as they stand. The last step's time is that of the last of the grid. */
  #requestOf(asked: readonly Asked[], i: number): ForwardRequest {
    const { length } = this.#run;
    const { times, definition } = this.#plan;
    const rows = asked.flatMap(({ positions }, b) => positions.map((at) => b * length + at));
    const sigma = asked.map(({ step }) => {
      return networkSigma(definition.untimed === true ? step.t : times[i]);
    });
    const request = {
      batch: asked.length,
      length,
      tokens: stack(asked.map(({ sample }) => sample.window.tokens)),
      sigma: Float32Array.from(sigma),
      rows: Int32Array.from(rows),
      cache: this.#cache,
    };
    const windows = asked.map(({ sample }) => sample.window);
    return adjusted(request, this.#run, windows);
  }

  /** Asks for what the strategy reads. @returns [B] the rows that it is told of each sample. */
  async #askRows(
    asked: readonly Asked[],
    request: ForwardRequest,
    clock: Clock,
  ): Promise<Row<RowField>[][]> {
    const { statistics, drawn } = this.#fields;
    if (drawn) await this.#drawAll(asked, request, clock);
    const values = await this.#askStatistics(asked, request);
    const rows: Row<RowField>[][] = [];
    let n = 0;
    for (const { sample, told, positions, draws } of asked) {
      const isAsked = new Set(positions);
      const free = told === "state" ? Array.from(sample.window.free) : positions;
      const own: Row<RowField>[] = [];
      for (const state of this.#states(sample, clock, free)) {
        const { position } = state;
        const row = new (isAsked.has(position) ? this.#fields.Asked : this.#fields.Known)(state);
        own.push(row);
        if (!isAsked.has(position)) continue;
        statistics.forEach((name, k) => {
          const value = values[n * statistics.length + k];
          if (!(value < Infinity)) {
            const at = { sample: sample.sample, step: clock.number, position };
            throw invalidRow(at, `has ${value} as its ${name}`);
          }
          if (name === "argmax") row.suppressed = this.#run.suppressed.has(value);
          row[name] = value;
        });
        const draw = draws.get(position);
        if (draw !== undefined) {
          tellDrawn(row, draw);
          row.suppressed = this.#run.suppressed.has(draw.token);
        }
        n++;
        if (this.#pace.spend(1)) await this.#pace.rest();
      }
      rows.push(own);
    }
    return rows;
  }

  /** @returns [N, k] in the order of the fields. */
  async #askStatistics(asked: readonly Asked[], request: ForwardRequest): Promise<Float32Array> {
    const { statistics, drawn } = this.#fields;
    if (statistics.length === 0 || request.rows.length === 0) return new Float32Array(0);
    const given = statistics.includes("given")
      ? { given: request.rows.map((at) => request.tokens[at]) }
      : {};
    const question = { ...request, statistics, ...given };
    const values = await askStatistics(this.#denoiser, question, this.#run.signal);
    if (!drawn) this.ledger.called(samplesOf(asked), 0);
    return values;
  }

  /** Draws the token of every row before the strategy selects. */
  async #drawAll(asked: readonly Asked[], request: ForwardRequest, clock: Clock): Promise<void> {
    const places = asked.map(({ positions }, b) => ({ b, masks: [], tokens: positions }));
    let isCounted = false;
    for (const call of inCalls(places, this.#denoiser.model.vocabSize, rowsOf)) {
      await this.#draw(asked, call, request, clock, false, isCounted);
      isCounted = true;
    }
  }

  /**
   * Asks for the rows of positions that become tokens, changes the texts, and tells the changes.
   * @param how whether this is the final noise removal, and whether the forward is counted already.
   */
  async *#carryOut(
    asked: readonly Asked[],
    changes: readonly Change[],
    request: ForwardRequest,
    clock: Clock,
    { isRemoval, isCounted }: { readonly isRemoval: boolean; readonly isCounted: boolean },
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const likeliest = isRemoval && (this.#plan.definition.lastStep ?? "argmax") === "argmax";
    let counted = isCounted;
    for (const call of inCalls(changes, this.#denoiser.model.vocabSize, rowsOf)) {
      this.#pace.checkAborted();
      const answered = await this.#draw(asked, call, request, clock, likeliest, counted);
      counted ||= answered;
      for (const { b, masks, tokens } of call) {
        const { sample, step, draws } = asked[b];
        const time = isRemoval ? this.#plan.times[clock.i] : step.t;
        if (masks.length > 0) yield this.#remasked(sample, masks, time, clock);
        if (tokens.length === 0) continue;
        const came = tokens
          .map((position) => draws.get(position))
          .filter((one) => one !== undefined);
        sample.reveal(tokens, came);
        yield {
          type: "revealed",
          sample: sample.sample,
          step: clock.number,
          time,
          positions: sample.inText(tokens),
          tokens: came.map(({ token }) => token),
          probabilities: came.map(({ probability }) => probability),
          logProbabilities: came.map(({ logProbability }) => logProbability),
        };
      }
    }
  }

  /**
   * Draws the tokens of a call that are not drawn yet.
   * @param isCounted whether the forward is counted already.
   * @returns whether rows had to be asked for.
   */
  async #draw(
    asked: readonly Asked[],
    call: readonly Change[],
    request: ForwardRequest,
    clock: Clock,
    likeliest: boolean,
    isCounted: boolean,
  ): Promise<boolean> {
    const { length } = this.#run;
    const missing = call.map(({ b, tokens }) => ({
      b,
      positions: tokens.filter((position) => !asked[b].draws.has(position)),
    }));
    const rows = missing.flatMap(({ b, positions }) => positions.map((at) => b * length + at));
    if (rows.length === 0) return false;
    const answered = await this.#rows.ask({ ...request, rows: Int32Array.from(rows) });
    if (isCounted) this.ledger.asked(rows.length);
    else this.ledger.called(samplesOf(asked), rows.length);
    let row = 0;
    for (const { b, positions } of missing) {
      const { sample, draws } = asked[b];
      const place = { sample: sample.sample, step: clock.number, positions, likeliest };
      const drawn = await this.#rows.draw(answered, row, place);
      positions.forEach((position, n) => draws.set(position, drawn[n]));
      row += positions.length;
    }
    return true;
  }
}

function samplesOf(asked: readonly Asked[]): RowSample[] {
  return asked.map(({ sample }) => sample);
}

function rowsOf({ tokens }: Change): number {
  return tokens.length;
}

/** What the strategy is told of revealed positions in a step. */
export function toldOf({ definition, options }: AskFirstPlan, step: RowStep): Told {
  const { revealed = false } = definition;
  return typeof revealed === "function" ? revealed(options, step) : revealed;
}
