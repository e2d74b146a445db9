/**
 * The draw-first loop draws which positions change before it asks the network. Every sample runs
 * ahead to its next reveal, the samples that wait share a forward call, and each goes on from there
 * (docs/design.md, section 2). It has the distribution of the original's loop, `_sample`.
 */
import { adjusted } from "./adjusted.ts";
import type { Denoiser } from "../denoiser.ts";
import type { RemaskedEvent, RevealedEvent, SamplerEvent, SamplerOutcome } from "../events.ts";
import { seenLength } from "../blocks.ts";
import { nextCache } from "./caches.ts";
import { draftMasked, remasked, revealed } from "./changeEvents.ts";
import type { ParticleLoop } from "./guided.ts";
import { Ledger } from "./ledger.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { RowPool } from "../draw/workers/rowPool.ts";
import type { PreparedRun } from "../prepare.ts";
import { beginFrom } from "../start.ts";
import { Pace } from "../../foundation/pace.ts";
import type { LoopPlan } from "../loopPlan.ts";
import { callsOf, requestOf, type Question } from "./question.ts";
import { RowDraws } from "./rowDraws.ts";
import { roundToBfloat16 } from "../draw/rounding.ts";
import { EventState } from "./eventState.ts";
import { SampleState, type ActiveSample } from "./sampleState.ts";

/** The plans that this loop runs: steps on a grid, or events in continuous time. */
type DrawFirstPlan = Extract<LoopPlan, { kind: "drawFirst" | "events" }>;

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
  /** The samples under way, the oldest first. */
  readonly #active: ActiveSample[] = [];
  /** What the samples that have begun have not told yet. */
  readonly #untold: RemaskedEvent[] = [];

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
    for (;;) {
      const questions = yield* this.#collectQuestions(source, until, arrive);
      if (questions.length === 0) return;
      for (const call of callsOf(questions, this.#denoiser.model.vocabSize)) {
        yield* this.#answer(call);
        yield this.#progress();
      }
    }
  }

  outcome(): SamplerOutcome {
    return this.ledger.outcome();
  }

  /**
   * Takes every sample under way to its next question; a sample that arrives gives its place to the
   * next one.
   */
  async *#collectQuestions(
    source: Iterator<ActiveSample>,
    until: number,
    arrive: (state: ActiveSample) => SamplerEvent | undefined,
  ): AsyncGenerator<SamplerEvent, Question[], void> {
    const questions: Question[] = [];
    while (questions.length < this.#run.batchSize) {
      this.#pace.checkAborted();
      const state = this.#active.at(questions.length) ?? this.#next(source);
      if (state === undefined) break;
      yield* this.#untold.splice(0);
      const question = yield* this.#runAhead(state, until);
      if (question !== undefined) {
        questions.push(question);
        continue;
      }
      this.#active.splice(this.#active.indexOf(state), 1);
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

  async *#answer(
    questions: readonly Question[],
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    this.#pace.checkAborted();
    const states = questions.map(({ state }) => state);
    const windows = states.map(({ window }) => window);
    const { model } = this.#denoiser;
    const length = seenLength(model, this.#run.length, windows);
    const request = adjusted(requestOf(questions, length, this.#cache), this.#run, windows);
    const rows = await this.#rows.ask(request);
    this.ledger.called(states, request.rows.length);
    let first = 0;
    const places = questions.map(({ state, changes }) => {
      const { sample, step, likeliest } = state;
      const place = { sample, step, positions: changes.reveals, likeliest };
      const own = { first, place };
      first += changes.reveals.length;
      return own;
    });
    const drawn = await this.#rows.drawAll(rows, places);
    for (const [i, { state, changes }] of questions.entries()) {
      const draws = drawn[i];
      const left = remasksOf(state, changes.remasks);
      const came = revealed(placeOf(state), changes.reveals, draws);
      state.apply(changes, draws);
      if (changes.remasks.length > 0) yield left;
      yield came;
    }
  }

  /** Begins the samples of the run one after the other. */
  *#samples(): Generator<ActiveSample, void, void> {
    const { samples, firstSample } = this.#run;
    for (let i = 0; i < samples; i++) yield this.begin(firstSample + i);
  }

  #next(source: Iterator<ActiveSample>): ActiveSample | undefined {
    const next = source.next();
    if (next.done === true) return undefined;
    this.#active.push(next.value);
    return next.value;
  }

  #progress() {
    const underWay = this.#active.reduce((sum, { stepsDone }) => sum + stepsDone, 0);
    const first = this.#active.find(({ finished }) => !finished);
    return this.ledger.progress(underWay, first);
  }
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
