/**
 * The draw-first loop draws which positions change before it asks the network. Every sample runs
 * ahead to its next reveal, the samples that wait share a forward call, and each goes on from there
 * (docs/design.md, section 2). It has the distribution of the original's loop, `_sample`.
 *
 * A call may also be about states that probably follow (`lookahead/`): what comes out as it was
 * asked about needs no call of its own. And while the network computes one call, the answer of
 * another is drawn, where there are more samples than one call takes.
 */
import { Pace } from "../../foundation/pace.ts";
import { seenLength } from "../blocks.ts";
import type { Denoiser } from "../denoiser.ts";
import type { NoiseSource } from "../draw/noise.ts";
import { roundToBfloat16 } from "../draw/rounding.ts";
import type { RowPool } from "../draw/workers/rowPool.ts";
import type { RemaskedEvent, SamplerEvent, SamplerOutcome } from "../events.ts";
import type { LoopPlan } from "../loopPlan.ts";
import type { PreparedRun } from "../prepare.ts";
import { beginFrom } from "../start.ts";
import { adjusted } from "./adjusted.ts";
import { nextCache } from "./caches.ts";
import { draftMasked, remasked, revealed } from "./changeEvents.ts";
import { EventState } from "./eventState.ts";
import type { ParticleLoop } from "./guided.ts";
import { Halves } from "./halves.ts";
import { Ledger } from "./ledger.ts";
import { KnownRows } from "./lookahead/knownRows.ts";
import { isAsAsked, planStates, type PlannedState } from "./lookahead/planStates.ts";
import { costOf, lookFor, NO_LOOK, type RoundCost } from "./lookahead/roundCost.ts";
import { callsOf, isTooLarge, requestOf, type Question } from "./question.ts";
import { RowDraws, type AnsweredRows } from "./rowDraws.ts";
import { SampleState, type ActiveSample } from "./sampleState.ts";

/** The plans that this loop runs: steps on a grid, or events in continuous time. */
type DrawFirstPlan = Extract<LoopPlan, { kind: "drawFirst" | "events" }>;

/** A question, and the states that the network is asked about with it. */
interface Asked {
  readonly question: Question;
  readonly plan: readonly PlannedState[];
  /** Whether its rows are kept to guess from: there was room for more states than one. */
  readonly keepsRows: boolean;
}

/** Samples that share calls, and the call that is under way. */
interface Lane {
  /** The oldest first. */
  readonly active: ActiveSample[];
  round: Round | undefined;
}

/** The questions of a lane, in calls of which the first is under way. */
interface Round {
  readonly calls: readonly (readonly Asked[])[];
  readonly answer: Promise<Answer>;
}

interface Answer {
  readonly rows: AnsweredRows;
  /** What was asked about: less than was planned where that was too much for the denoiser. */
  readonly asked: readonly Asked[];
  /** Since the round was planned. */
  readonly ms: number;
  /** When it came, as `performance.now()`. */
  readonly end: number;
}

/** A round whose answers are drawn. */
interface DoneRound {
  /** How many calls of the samples it answered. */
  readonly accepted: number;
  /** Whether it was about later states too. */
  readonly looked: boolean;
  /** When its last answer came, as `performance.now()`. */
  readonly end: number;
}

export class DrawFirst implements ParticleLoop<ActiveSample> {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #newSample: (sample: number) => ActiveSample;
  readonly #noise: NoiseSource;
  readonly #rows: RowDraws;
  readonly #pace: Pace;
  readonly ledger: Ledger;
  /**
   * Names the denoiser's cache for a network that is causal over blocks, of which it keeps the
   * blocks that are finished. Of any other nothing is the same in two calls.
   */
  readonly #cache: number | undefined;
  /** Two: the answer of one is drawn while the other computes. */
  readonly #lanes: readonly [Lane, Lane];
  /** Whether the samples of one call go into both lanes; undefined: they need two, or may not. */
  readonly #halves: Halves | undefined;
  /** What the samples that have begun have not told yet. */
  readonly #untold: RemaskedEvent[] = [];
  readonly #cost: RoundCost;
  readonly #known = new Map<ActiveSample, KnownRows>();
  /** Whether later states are asked about; no more once a call of them was too much. */
  #looksAhead: boolean;

  constructor(
    denoiser: Denoiser,
    run: PreparedRun,
    loop: DrawFirstPlan,
    noise: NoiseSource,
    pool?: RowPool,
  ) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#noise = noise;
    this.#pace = new Pace(run.signal);
    this.#rows = new RowDraws(denoiser, run, noise, this.#pace, pool);
    this.ledger = new Ledger(run);
    this.#newSample = samplesOf(denoiser, run, loop);
    this.#cache = denoiser.model.blockLength === undefined ? undefined : nextCache();
    const { samples, batchSize, window, length, guide } = run;
    const together = samples * (guide?.particles ?? 1);
    this.#lanes = [
      { active: [], round: undefined },
      { active: [], round: undefined },
    ];
    const mayHalve = window === "auto" && together > 1 && together <= batchSize;
    this.#halves = mayHalve ? new Halves() : undefined;
    this.#cost = costOf(denoiser, length);
    this.#looksAhead = window !== 1;
  }

  async *events(): AsyncGenerator<SamplerEvent, void, void> {
    const source = this.#samples();
    try {
      yield* this.#takeSteps(source, Infinity, (state) => {
        return this.ledger.finish(state.sample, state.window.text());
      });
    } finally {
      this.release();
    }
    yield this.#progress();
  }

  release(): void {
    if (this.#cache !== undefined) this.#denoiser.release?.(this.#cache);
  }

  begin(number: number): ActiveSample {
    const state = this.#newSample(number);
    const { start, steps } = this.#run;
    if (start === undefined) return state;
    const draft = { steps, noise: this.#noise, sample: number };
    const masked = beginFrom(start, state.window.tokens, draft);
    if (masked.length > 0) this.#untold.push(draftMasked(start, number, masked));
    return state;
  }

  async *advance(
    samples: readonly ActiveSample[],
    until: number,
  ): AsyncGenerator<SamplerEvent, void, void> {
    yield* this.#takeSteps(samples.values(), until, () => undefined);
  }

  /**
   * Takes samples to a step, or to their end; so many at a time as share a call.
   * @param arrive is called with each sample that is there.
   */
  async *#takeSteps(
    source: Iterator<ActiveSample>,
    until: number,
    arrive: (state: ActiveSample) => SamplerEvent | undefined,
  ): AsyncGenerator<SamplerEvent, void, void> {
    const leave = new AbortController();
    const given = this.#run.signal;
    const signal = given === undefined ? leave.signal : AbortSignal.any([given, leave.signal]);
    try {
      do {
        for (const lane of this.#lanes) {
          const { round } = lane;
          const done = round && (yield* this.#finishRound(round, until, signal));
          lane.round = undefined;
          this.#balance(lane);
          const questions = yield* this.#collectQuestions(lane.active, source, until, arrive);
          if (questions.length > 0) lane.round = this.#beginRound(questions, until, signal);
          if (done !== undefined) this.#recordRound(done);
        }
      } while (this.#lanes.some(({ active }) => active.length > 0));
    } finally {
      const underWay = this.#lanes.flatMap(({ round }) => round?.answer ?? []);
      for (const lane of this.#lanes) lane.round = undefined;
      if (underWay.length > 0) leave.abort();
      await Promise.allSettled(underWay);
    }
  }

  outcome(): SamplerOutcome {
    return this.ledger.outcome();
  }

  /** Moves samples between the lanes, as is faster. @param lane that asks next. */
  #balance(lane: Lane): void {
    if (this.#halves === undefined) return;
    const [first, second] = this.#lanes;
    const other = lane === first ? second : first;
    const half = Math.ceil(lane.active.length / 2);
    if (this.#halves.isSplit) {
      if (other.active.length === 0) other.active.push(...lane.active.splice(half));
    } else if (other.active.length > 0) {
      other.active.push(...lane.active.splice(0));
    }
  }

  /**
   * Takes the samples of a lane to their next questions; a sample that arrives gives its place to
   * the next one.
   */
  async *#collectQuestions(
    active: ActiveSample[],
    source: Iterator<ActiveSample>,
    until: number,
    arrive: (state: ActiveSample) => SamplerEvent | undefined,
  ): AsyncGenerator<SamplerEvent, Question[], void> {
    const questions: Question[] = [];
    while (questions.length < this.#run.batchSize) {
      this.#pace.checkAborted();
      const state = active.at(questions.length) ?? begun(source, active);
      if (state === undefined) break;
      yield* this.#untold.splice(0);
      const question = yield* this.#runAhead(state, until);
      if (question !== undefined) {
        questions.push(question);
        continue;
      }
      active.splice(active.indexOf(state), 1);
      this.#known.delete(state);
      const event = arrive(state);
      if (event !== undefined) yield event;
    }
    return questions;
  }

  /** Goes through the steps that reveal nothing. @returns undefined at step `until` or the end. */
  async *#runAhead(
    state: ActiveSample,
    until: number,
  ): AsyncGenerator<RemaskedEvent, Question | undefined, void> {
    while (!state.finished && state.step < until) {
      if (this.#pace.spend(1 + state.window.free.length)) await this.#pace.rest();
      const changes = state.drawChanges(this.#noise);
      if (changes.reveals.length > 0) return { state, changes, time: state.time };
      const tell = remasksOf(state, changes.remasks);
      state.apply(changes, []);
      if (changes.remasks.length > 0) yield tell;
    }
    return undefined;
  }

  /** Plans what is asked with each question, and asks. */
  #beginRound(questions: readonly Question[], until: number, signal: AbortSignal): Round {
    this.#pace.checkAborted();
    const begin = performance.now();
    const asked = this.#plan(questions, until);
    const calls = [...callsOf(asked, this.#denoiser.model.vocabSize, rowsIn)];
    const answer = this.#ask(calls[0], begin, signal);
    answer.catch(() => undefined); // it is thrown where the answer is awaited, events later
    return { calls, answer };
  }

  #plan(questions: readonly Question[], until: number): Asked[] {
    const { window, batchSize } = this.#run;
    const looks = this.#looksAhead && this.#halves?.isSplit !== true;
    const look = looks ? lookFor(window, questions.length, this.#cost) : NO_LOOK;
    let room = batchSize - questions.length;
    return questions.map((question, i) => {
      const fair = Math.ceil(room / (questions.length - i));
      const states = Math.min(look.states, 1 + fair);
      const limits = { ...look, states, until };
      const plan = planStates(question, this.#knownOf(question.state), this.#noise, limits);
      room -= plan.length - 1;
      return { question, plan, keepsRows: states > 1 };
    });
  }

  #knownOf(state: ActiveSample): KnownRows {
    const known = this.#known.get(state) ?? new KnownRows(this.#rows.guess);
    this.#known.set(state, known);
    return known;
  }

  async #ask(asked: readonly Asked[], begin: number, signal: AbortSignal): Promise<Answer> {
    const { model } = this.#denoiser;
    const plans = asked.flatMap(({ plan }) => plan);
    const length = seenLength(model, this.#run.length, plans);
    const request = adjusted(requestOf(plans, length, this.#cache), this.#run, plans);
    try {
      const rows = await this.#rows.ask(request, signal);
      this.ledger.asked(plans.length, request.rows.length);
      const end = performance.now();
      return { rows, asked, ms: end - begin, end };
    } catch (error) {
      if (!isTooLarge(error) || plans.length === asked.length) throw error;
      this.#looksAhead = false;
      const certain = asked.map(({ question, plan }) => {
        return { question, plan: plan.slice(0, 1), keepsRows: false };
      });
      return this.#ask(certain, begin, signal);
    }
  }

  async *#finishRound(
    { calls, answer }: Round,
    until: number,
    signal: AbortSignal,
  ): AsyncGenerator<SamplerEvent, DoneRound, void> {
    let answered = await answer;
    const looked = answered.asked.some(({ plan }) => plan.length > 1);
    let accepted = yield* this.#accept(answered, until);
    for (const call of calls.slice(1)) {
      this.#pace.checkAborted();
      answered = await this.#ask(call, performance.now(), signal);
      accepted += yield* this.#accept(answered, until);
    }
    return { accepted, looked, end: answered.end };
  }

  /** Takes in a round when the next one of its lane is under way. */
  #recordRound({ accepted, looked, end }: DoneRound): void {
    if (looked) this.#halves?.recordLook();
    else this.#halves?.record(accepted, performance.now() - end);
  }

  /**
   * Draws the tokens of every sample's question, and of the states planned after it for as long as
   * they come out as they were asked about.
   * @returns how many calls of the samples that were.
   */
  async *#accept(
    { rows, asked, ms }: Answer,
    until: number,
  ): AsyncGenerator<SamplerEvent, number, void> {
    const places = rowPlaces(asked);
    let open = asked.map(({ question, plan }) => ({ question, plan, level: 0 }));
    let accepted = 0;
    while (open.length > 0) {
      accepted += open.length;
      const drawn = await this.#rows.drawAll(
        rows,
        open.map(({ question: { state, changes }, plan, level }) => {
          const { sample, step, likeliest } = state;
          const { reveals: positions } = changes;
          const own = places.get(plan[level]);
          const at = Array.from(positions, (position) => own?.get(position) ?? -1);
          return { rows: at, place: { sample, step, positions, likeliest } };
        }),
      );
      this.ledger.answered(open.map(({ question }) => question.state));
      const following: typeof open = [];
      for (const [i, { question, plan, level }] of open.entries()) {
        const { state, changes } = question;
        const left = remasksOf(state, changes.remasks);
        const came = revealed(placeOf(state), changes.reveals, drawn[i]);
        state.apply(changes, drawn[i]);
        if (changes.remasks.length > 0) yield left;
        yield came;
        const asPlanned = plan.at(level + 1);
        if (asPlanned?.depth !== level + 1) continue;
        const next = yield* this.#runAhead(state, until);
        if (next === undefined || !isAsAsked(next, asPlanned)) continue;
        following.push({ question: next, plan, level: level + 1 });
      }
      yield this.#progress();
      open = following;
    }
    const isAlone = this.#lanes.filter(({ round }) => round !== undefined).length === 1;
    if (isAlone) this.#cost.record(places.size, ms, accepted);
    this.#remember(asked, rows, places);
    return accepted;
  }

  /** Keeps the rows of a call, to guess from. */
  #remember(asked: readonly Asked[], rows: AnsweredRows, places: RowPlaces): void {
    for (const { question, plan, keepsRows } of asked) {
      if (!keepsRows || question.state.finished) continue;
      const known = this.#knownOf(question.state);
      for (const one of plan) {
        for (const [position, row] of places.get(one) ?? []) known.add(position, rows(row), one);
      }
      known.tidy();
    }
  }

  /** Begins the samples of the run one after the other. */
  *#samples(): Generator<ActiveSample, void, void> {
    const { samples, firstSample } = this.#run;
    for (let i = 0; i < samples; i++) yield this.begin(firstSample + i);
  }

  #progress() {
    const active = this.#lanes.flatMap((lane) => lane.active);
    const underWay = active.reduce((sum, { stepsDone }) => sum + stepsDone, 0);
    const first = active.find(({ finished }) => !finished);
    return this.ledger.progress(underWay, first);
  }
}

/** Where the answer has the rows of each state, by position. */
type RowPlaces = ReadonlyMap<PlannedState, ReadonlyMap<number, number>>;

/** Finds the rows of each state in the answer: they come in the order of `requestOf`. */
function rowPlaces(asked: readonly Asked[]): RowPlaces {
  let row = 0;
  const places = new Map<PlannedState, ReadonlyMap<number, number>>();
  for (const { plan } of asked) {
    for (const one of plan) {
      places.set(one, new Map(one.rows.map((position) => [position, row++])));
    }
  }
  return places;
}

function rowsIn({ plan }: Asked): number {
  return plan.reduce((sum, { rows }) => sum + rows.length, 0);
}

function begun(source: Iterator<ActiveSample>, active: ActiveSample[]): ActiveSample | undefined {
  const next = source.next();
  if (next.done === true) return undefined;
  active.push(next.value);
  return next.value;
}

/** Returns the function that begins a sample: on the grid of a plan, or in continuous time. */
function samplesOf(
  { model: { maskId, dtype } }: Denoiser,
  run: PreparedRun,
  loop: DrawFirstPlan,
): (sample: number) => ActiveSample {
  if (loop.kind === "events") {
    const settings = { ...run, ...loop, maskId };
    return (sample) => new EventState(sample, settings);
  }
  // The original keeps confidences in bfloat16 beside a network that computes in it, as on a GPU.
  const rounds = run.quirks === "original" && dtype === "bfloat16";
  const { plan } = loop;
  const settings = { ...run, plan, maskId, ...(rounds && { round: roundToBfloat16 }) };
  return (sample) => new SampleState(sample, settings);
}

/** Returns the place of the step at hand, for its events. */
function placeOf({ sample, step, time, window: { offset } }: ActiveSample) {
  return { sample, step, time, offset };
}

/** Makes the event of a step's remasks. @param state before the step. */
function remasksOf(state: ActiveSample, positions: Int32Array): RemaskedEvent {
  const tokens = Array.from(positions, (position) => state.window.tokens[position]);
  return remasked(placeOf(state), positions, tokens);
}
