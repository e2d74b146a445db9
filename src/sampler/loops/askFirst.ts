/**
 * The ask-first loop asks the network in each step for a few statistics of the rows, lets the
 * strategy select the positions that change, and then asks for the rows of positions that become
 * tokens, of the same forward. All samples of a batch take each step together. For SEDD this is the
 * distribution of the original's `analytic` predictor without its score tensors (docs/design.md).
 *
 * A forward may also be about states that probably follow (`lookahead/rowLookahead.ts`): it serves
 * further steps for as long as every sample comes to stand where it was asked about.
 */
import { Pace } from "../../foundation/pace.ts";
import { seenLength } from "../blocks.ts";
import type { Row } from "../definition.ts";
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
import type { PreparedRun } from "../prepare.ts";
import type { RowField } from "../rowFields.ts";
import { beginFrom } from "../start.ts";
import { adjusted } from "./adjusted.ts";
import { inBatches } from "./batches.ts";
import { nextCache } from "./caches.ts";
import { draftMasked, remasked, revealed } from "./changeEvents.ts";
import type { ParticleLoop } from "./guided.ts";
import { Ledger } from "./ledger.ts";
import { GuessRates } from "./lookahead/guessRates.ts";
import { MOST_NUMBERS } from "./lookahead/knownRows.ts";
import { costOf, lookFor, NO_LOOK, type LookAhead, type RoundCost } from "./lookahead/roundCost.ts";
import { RowLookahead } from "./lookahead/rowLookahead.ts";
import { isTooLarge, requestOf } from "./question.ts";
import { RowDraws } from "./rowDraws.ts";
import { AskedState, RowForward, type ForwardTools, type ToDraw } from "./rowForward.ts";
import { RowSample } from "./rowSample.ts";
import {
  RowSteps,
  type AskFirstPlan,
  type BegunStep,
  type Clock,
  type RowAnswer,
} from "./rowSteps.ts";
import type { CheckedSelection } from "./selection.ts";
import { fieldsOf, type Fields } from "./toldRows.ts";

/** The changes of a step in one of the samples that are open. */
interface Change extends ToDraw, CheckedSelection {
  readonly begun: BegunStep;
}

/** What the network was asked about last, for as many steps as it serves. */
interface Round {
  readonly forward: RowForward;
  /** Where each sample stood when the last step began. */
  last: readonly AskedState[];
  /** What it took, from the planning on; undefined where nothing was asked before the selection. */
  ms: number | undefined;
  /** Calls of the samples that it answered. */
  accepted: number;
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
  readonly #steps: RowSteps;
  readonly #cache = nextCache();
  /** What the samples that have begun have not told yet; a guided run tells no changes. */
  readonly #untold: RemaskedEvent[] = [];
  readonly #cost: RoundCost;
  readonly #rates = new GuessRates();
  /** By the number of the sample. */
  readonly #lookaheads = new Map<number, RowLookahead>();
  #round: Round | undefined;
  /** Whether later states are asked about, and a call of them was not too much for the denoiser. */
  #looksAhead: boolean;
  /** So many states of a sample have no more rows than may be kept. */
  #mostStates = 1;

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
    this.#steps = new RowSteps(denoiser, run, plan, noise, this.#fields);
    this.#cost = costOf(denoiser, run.length, "askFirst");
    this.#looksAhead = run.window !== 1 && run.guide === undefined;
  }

  events(): AsyncGenerator<SamplerEvent, void, void> {
    const sampleBatch = (samples: readonly number[]) => this.#sample(samples);
    return inBatches(this.#denoiser, this.#run, this.ledger, this.#cache, sampleBatch);
  }

  outcome(): SamplerOutcome {
    return this.ledger.outcome();
  }

  /** Number of the steps of all parts, with the final noise removal of each. */
  get #allSteps(): number {
    return this.#run.parts * (this.#steps.steps + 1);
  }

  async *#sample(numbers: readonly number[]): AsyncGenerator<SamplerEvent, void, void> {
    const batch = numbers.map((sample) => this.begin(sample));
    yield* this.#untold.splice(0);
    yield* this.#takeSteps(batch, 0, this.#allSteps);
    this.#round = undefined;
    this.#lookaheads.clear();
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
    const i = to % (this.#steps.steps + 1);
    const { batchSize, parts } = this.#run;
    for (let first = 0; first < samples.length; first += batchSize) {
      const batch = samples.slice(first, first + batchSize);
      yield* this.#takeSteps(batch, batch[0].step, to);
      for (const one of batch) {
        const { part } = one.window;
        one.step = to;
        one.stepsDone = part * this.#steps.steps + (part === parts ? 0 : i);
        one.finished = part === parts || (part === parts - 1 && !this.#steps.isOpen(one, i));
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
    const { steps } = this.#steps;
    for (let number = from; number < until; number++) {
      const i = number % (steps + 1);
      const removal = number - i + steps;
      const open = batch.filter((one) => this.#steps.isOpen(one, i));
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
    const { steps } = this.#steps;
    const before = ((number - i) / (steps + 1)) * steps;
    const time = times[i === steps ? 0 : i + 1];
    const next = number + 1 === this.#allSteps ? undefined : { step: number + 1, time };
    return this.ledger.progress(samples * (before + Math.min(i + 1, steps)), next);
  }

  /** Takes one step: asks, lets the strategy select, and carries out what it selected. */
  async *#step(
    open: readonly RowSample[],
    clock: Clock,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    this.#pace.checkAborted();
    const begun: BegunStep[] = [];
    for (const sample of open) {
      const [one, remasks] = this.#steps.begin(sample, clock);
      if (remasks !== undefined) {
        yield remasked(placeOf(sample, one.step.t, clock), remasks.positions, remasks.left);
      }
      begun.push(one);
    }
    const asked = this.#asks(begun) ? await this.#answered(begun) : undefined;
    const rows: Row<RowField>[][] = [];
    for (const [n, one] of begun.entries()) {
      rows.push(this.#steps.rowsOf(one, (at) => asked?.last[n].answerAt(at) ?? NO_ANSWER));
      if (this.#pace.spend(rows[n].length)) await this.#pace.rest();
    }
    const selected = begun.map((one, n) => this.#steps.select(one, rows[n]));
    const needsRows = selected.some(({ tokens }) => tokens.length > 0);
    const round = asked ?? (await (needsRows ? this.#answered(begun) : this.#unasked(begun)));
    if (asked !== undefined || needsRows) {
      this.ledger.answered(open);
      round.accepted += open.length;
    }
    const changes = begun.map((one, n): Change => {
      const state = round.last[n];
      this.#lookaheads.get(one.sample.sample)?.learn(state.begun, selected[n]);
      return { begun: one, state, ...selected[n] };
    });
    yield* this.#carryOut(round, changes, false);
  }

  /** The last step: reveals every masked position. */
  async *#removeNoise(
    open: readonly RowSample[],
    clock: Clock,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const begun = open.map((sample) => this.#steps.beginRemoval(sample, clock));
    this.#endRound(begun);
    const round = this.#unasked(begun);
    const changes = begun.map((one, n): Change => {
      return { begun: one, state: round.last[n], masks: [], tokens: one.positions };
    });
    if (changes.some(({ tokens }) => tokens.length > 0)) this.ledger.answered(open);
    yield* this.#carryOut(round, changes, true);
  }

  /** Tells whether the network is asked in a step before anything is selected. */
  #asks(begun: readonly BegunStep[]): boolean {
    const { statistics, drawn } = this.#fields;
    return (drawn || statistics.length > 0) && begun.some(({ positions }) => positions.length > 0);
  }

  /** Finds what the network said of each sample's state; asks where one was not asked about. */
  async #answered(begun: readonly BegunStep[]): Promise<Round> {
    const round = this.#round;
    if (round === undefined) return this.#ask(begun);
    const known = begun.flatMap((one) => round.forward.find(one) ?? []);
    if (known.length === begun.length) {
      round.last = known;
      return round;
    }
    this.#endRound(begun);
    return this.#ask(begun);
  }

  /** Asks about samples, and about states that probably follow. */
  async #ask(begun: readonly BegunStep[]): Promise<Round> {
    const begin = performance.now();
    const room = this.#looksAhead ? Math.floor(this.#run.batchSize / begun.length) : 1;
    const look =
      room === 1 ? NO_LOOK : lookFor(this.#run.window, begun.length, this.#cost, "askFirst");
    const keepsRows = look.states > 1;
    const states = Math.max(1, Math.min(look.states, room, this.#mostStates));
    const plans = states === 1 ? alone(begun) : this.#planned(begun, { ...look, states });
    const planned = plans.reduce((sum, { length }) => sum + length, 0);
    if (this.#pace.spend(planned * this.#run.length)) await this.#pace.rest();
    let round = this.#roundOf(plans, keepsRows);
    try {
      await this.#askRows(round.forward, keepsRows);
    } catch (error) {
      if (!isTooLarge(error) || !keepsRows) throw error;
      this.#looksAhead = false;
      round = this.#unasked(begun);
      await this.#askRows(round.forward, false);
    }
    round.ms = performance.now() - begin;
    this.#round = round;
    return round;
  }

  #planned(begun: readonly BegunStep[], look: LookAhead): (readonly BegunStep[])[] {
    // A round is saved only where all samples come out as planned.
    const price = look.price ** (1 / begun.length);
    return begun.map((one) => this.#lookaheadOf(one.sample).plan(one, { ...look, price }));
  }

  #lookaheadOf({ sample }: RowSample): RowLookahead {
    const known =
      this.#lookaheads.get(sample) ??
      new RowLookahead(this.#steps, this.#rates, this.#tools.rows.guess);
    this.#lookaheads.set(sample, known);
    return known;
  }

  /** Asks for what the strategy reads, and for rows to guess from if a later round looks ahead. */
  async #askRows(forward: RowForward, keepsRows: boolean): Promise<void> {
    const { statistics, drawn } = this.#fields;
    const { states } = forward;
    if (drawn) {
      const all = states.map((state) => ({ state, tokens: state.begun.positions }));
      for (const call of forward.calls(all)) await forward.draw(call, false);
    }
    await forward.statistics(statistics);
    if (!keepsRows || drawn) return;
    const wanted = states.map((state) => {
      return { state, tokens: this.#lookaheadOf(state.begun.sample).wanted(state) };
    });
    for (const call of forward.calls(wanted)) await forward.ask(call);
  }

  /** Makes a round about states, of which nothing is asked yet. */
  #roundOf(plans: readonly (readonly BegunStep[])[], keepsRows: boolean): Round {
    const begun = plans.flat();
    const windows = begun.map(({ sample }) => sample.window);
    const length = seenLength(this.#denoiser.model, this.#run.length, windows);
    const states = begun.map((one) => new AskedState(one));
    const request = requestOf(
      begun.map(({ sample, time, positions }) => ({
        tokens: sample.window.tokens,
        time,
        rows: positions,
      })),
      length,
      this.#cache,
    );
    const forward = new RowForward(
      this.#tools,
      adjusted(request, this.#run, windows),
      states,
      keepsRows,
    );
    const firsts = new Set(plans.map(([first]) => first));
    const last = states.filter((state) => firsts.has(state.begun));
    return { forward, last, ms: undefined, accepted: 0 };
  }

  /** Makes a round about samples alone, of which nothing is asked yet. */
  #unasked(begun: readonly BegunStep[]): Round {
    return this.#roundOf(alone(begun), false);
  }

  /** Ends a round: keeps what it answered and what it cost. */
  #endRound(now: readonly BegunStep[]): void {
    const round = this.#round;
    this.#round = undefined;
    if (round?.ms === undefined) return;
    const { forward, ms, accepted } = round;
    if (accepted > 0) this.#cost.record(forward.states.length, ms, accepted);
    this.#mostStates = Math.floor(MOST_NUMBERS / Math.max(1, forward.numbersOfState));
    if (!this.#looksAhead) return;
    for (const one of now) {
      const own = forward.states.filter(({ begun }) => begun.sample.sample === one.sample.sample);
      this.#lookaheadOf(one.sample).remember(own, one);
    }
  }

  /**
   * Asks for the rows of positions that become tokens, changes the texts, and tells the changes.
   * @param isRemoval whether this is the final noise removal.
   */
  async *#carryOut(
    round: Round,
    changes: readonly Change[],
    isRemoval: boolean,
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    const likeliest = isRemoval && (this.#plan.definition.lastStep ?? "argmax") === "argmax";
    for (const call of round.forward.calls(changes)) {
      this.#pace.checkAborted();
      const begin = performance.now();
      await round.forward.draw(call, likeliest);
      if (round.ms !== undefined) round.ms += performance.now() - begin;
      for (const { begun, state, masks, tokens } of call) {
        const { sample, step, clock } = begun;
        const time = isRemoval ? this.#plan.times[clock.i] : step.t;
        const place = placeOf(sample, time, clock);
        if (masks.length > 0) yield remasked(place, masks, sample.remask(masks));
        if (tokens.length === 0) continue;
        const came = tokens.flatMap((position) => state.draws.get(position) ?? []);
        sample.reveal(tokens, came);
        yield revealed(place, tokens, came);
      }
    }
  }
}

/** What a strategy that reads nothing of the rows is told. */
const NO_ANSWER: RowAnswer = { numbers: new Float32Array(0), draw: undefined };

/** Plans the states of samples alone. */
function alone(begun: readonly BegunStep[]): (readonly BegunStep[])[] {
  return begun.map((one) => [one]);
}

/** Returns the place of a step in the text of a sample, for its events. */
function placeOf({ sample, window: { offset } }: RowSample, time: number, { number }: Clock) {
  return { sample, step: number, time, offset };
}
