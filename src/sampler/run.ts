/**
 * The executor: every sample runs ahead to its next reveal, those that wait share a forward call, and each goes on
 * from there (docs/design.md, section 2). Same distribution as the original's dense loop, `_sample`.
 */
import { RowSampler, type Draw } from "./categorical.ts";
import type { Denoiser } from "./denoiser.ts";
import type {
  FinishedEvent,
  ProgressEvent,
  RemaskedEvent,
  RevealedEvent,
  SamplerEvent,
  SamplerOptions,
  SamplerOutcome,
} from "./events.ts";
import { PhiloxNoise, type NoiseSource } from "./noise.ts";
import { resolveOptions, type ResolvedOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { ask, callsOf, requestOf, type Question } from "./question.ts";
import { SampleState } from "./sampleState.ts";

/**
 * Samples sequences and tells of every change. Nothing is under way between two events: leave the loop, and the run
 * is over.
 * @param noise in place of the default one, which is keyed by `options.seed`.
 * @returns the tokens and counts, as the generator's return value.
 * @throws OptionError before anything starts; AbortedError; RemdmError `denoiser_invalid`; what the denoiser throws.
 */
export async function* sampleEvents(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
): AsyncGenerator<SamplerEvent, SamplerOutcome, void> {
  const resolved = resolveOptions(options, denoiser.model);
  const run = new Run(denoiser, resolved, noise ?? new PhiloxNoise(resolved.seed));
  yield* run.events();
  return run.outcome();
}

/** {@link sampleEvents} for those who want the result only. */
export async function sample(
  denoiser: Denoiser,
  options: SamplerOptions,
  noise?: NoiseSource,
): Promise<SamplerOutcome> {
  const events = sampleEvents(denoiser, options, noise);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}

class Run {
  readonly #denoiser: Denoiser;
  readonly #options: ResolvedOptions;
  readonly #noise: NoiseSource;
  readonly #rows: RowSampler;
  readonly #pace: Pace;
  /** The samples under way, the oldest first. */
  readonly #active: SampleState[] = [];
  readonly #tokens: Int32Array[] = [];
  #begun = 0;
  #finished = 0;
  #forwardCalls = 0;
  #forwardRows = 0;

  constructor(denoiser: Denoiser, options: ResolvedOptions, noise: NoiseSource) {
    this.#denoiser = denoiser;
    this.#options = options;
    this.#noise = noise;
    this.#rows = new RowSampler(denoiser.model, options.topP);
    this.#pace = new Pace(options.signal);
  }

  async *events(): AsyncGenerator<SamplerEvent, void, void> {
    for (;;) {
      const questions = yield* this.#collectQuestions();
      if (questions.length === 0) break;
      for (const call of callsOf(questions, this.#denoiser.model.vocabSize)) {
        yield* this.#answer(call);
        yield this.#progress();
      }
    }
    yield this.#progress();
  }

  outcome(): SamplerOutcome {
    return {
      tokens: this.#tokens,
      stats: {
        forwardCalls: this.#forwardCalls,
        forwardRows: this.#forwardRows,
        steps: this.#options.plan.steps,
      },
    };
  }

  /** Takes every sample under way to its next question; one that ends gives its place to the next sample. */
  async *#collectQuestions(): AsyncGenerator<SamplerEvent, Question[], void> {
    const questions: Question[] = [];
    while (questions.length < this.#options.batchSize) {
      this.#pace.checkAborted();
      const state = this.#active.at(questions.length) ?? this.#begin();
      if (state === undefined) break;
      const question = yield* this.#runAhead(state);
      if (question === undefined) yield this.#finish(state);
      else questions.push(question);
    }
    return questions;
  }

  /** Goes through the steps that reveal nothing. @returns undefined at the end of the sample. */
  async *#runAhead(state: SampleState): AsyncGenerator<RemaskedEvent, Question | undefined, void> {
    while (!state.finished) {
      if (this.#pace.spend(1 + state.freePositions)) await this.#pace.rest();
      const { step } = state;
      const time = this.#options.plan.times[step];
      const events = state.drawEvents(this.#noise);
      if (events.reveals.length > 0) return { state, events, time };
      state.apply(events, []);
      if (events.remasks.length > 0) yield remasked(state, step, time, events.remasks);
    }
    return undefined;
  }

  async *#answer(
    questions: readonly Question[],
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    this.#pace.checkAborted();
    const request = requestOf(questions, this.#options.length);
    const logits = await ask(this.#denoiser, request, this.#options.signal);
    this.#forwardCalls++;
    this.#forwardRows += request.rows.length;
    let row = 0;
    for (const question of questions) {
      const { state, events, time } = question;
      const { step } = state;
      const draws = await this.#draw(question, logits, row);
      row += draws.length;
      state.apply(events, draws);
      if (events.remasks.length > 0) yield remasked(state, step, time, events.remasks);
      yield revealed(state, step, time, events.reveals, draws);
    }
  }

  /** @param row of `logits` that is the first of the question's. */
  async #draw({ state, events }: Question, logits: Float32Array, row: number): Promise<Draw[]> {
    const { vocabSize } = this.#denoiser.model;
    const draws: Draw[] = [];
    for (const position of events.reveals) {
      const at = { sample: state.sample, step: state.step, position };
      const begin = (row + draws.length) * vocabSize;
      const xTheta = logits.subarray(begin, begin + vocabSize);
      draws.push(
        state.final ? this.#rows.argmax(xTheta, at) : this.#rows.draw(xTheta, at, this.#noise),
      );
      if (this.#pace.spend(vocabSize)) await this.#pace.rest();
    }
    return draws;
  }

  #begin(): SampleState | undefined {
    const { samples, firstSample } = this.#options;
    if (this.#begun === samples) return undefined;
    const { maskId } = this.#denoiser.model;
    const state = new SampleState(firstSample + this.#begun, { ...this.#options, maskId });
    this.#active.push(state);
    this.#begun++;
    return state;
  }

  #finish(state: SampleState): FinishedEvent {
    this.#active.splice(this.#active.indexOf(state), 1);
    this.#tokens[state.sample - this.#options.firstSample] = state.tokens;
    this.#finished++;
    return { type: "finished", sample: state.sample, tokens: state.tokens.slice() };
  }

  #progress(): ProgressEvent {
    const { samples, plan } = this.#options;
    const stepsOfSample = plan.steps + 1;
    const underWay = this.#active.reduce((sum, { step }) => sum + step, 0);
    return {
      type: "progress",
      done: this.#finished * stepsOfSample + underWay,
      total: samples * stepsOfSample,
      finishedSamples: this.#finished,
      samples,
      forwardCalls: this.#forwardCalls,
      forwardRows: this.#forwardRows,
    };
  }
}

function remasked(
  { sample }: SampleState,
  step: number,
  time: number,
  positions: Int32Array,
): RemaskedEvent {
  return { type: "remasked", sample, step, time, positions };
}

function revealed(
  { sample }: SampleState,
  step: number,
  time: number,
  positions: Int32Array,
  draws: readonly Draw[],
): RevealedEvent {
  const tokens = Int32Array.from(draws, ({ token }) => token);
  return { type: "revealed", sample, step, time, positions, tokens };
}
