/**
 * The event form: every sample runs ahead to its next reveal, those that wait share a forward call, and each goes on
 * from there (docs/design.md, section 2). Same distribution as the original's dense loop, `_sample`.
 */
import { RowSampler, type Draw, type RowAddress } from "../draw/rowSampler.ts";
import type { Denoiser, ForwardRequest } from "../denoiser.ts";
import type {
  FinishedEvent,
  RemaskedEvent,
  RevealedEvent,
  SamplerEvent,
  SamplerOutcome,
} from "../events.ts";
import { Ledger } from "./ledger.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { ResolvedOptions } from "../options.ts";
import { Pace } from "../../foundation/pace.ts";
import type { Plan } from "../plan.ts";
import { ask, askTop, callsOf, offersTop, requestOf, type Question } from "./question.ts";
import { roundToBfloat16 } from "../draw/rounding.ts";
import { SampleState, type SampleSettings } from "./sampleState.ts";

/** Draws a token from one of the rows that were asked for, or takes its likeliest. */
interface AnsweredRows {
  draw(row: number, at: RowAddress): Draw;
  argmax(row: number, at: RowAddress): Draw;
}

export class EventRun {
  readonly #denoiser: Denoiser;
  readonly #options: ResolvedOptions;
  readonly #settings: SampleSettings;
  readonly #noise: NoiseSource;
  readonly #rows: RowSampler;
  readonly #pace: Pace;
  readonly #ledger: Ledger;
  /** The samples under way, the oldest first. */
  readonly #active: SampleState[] = [];
  #begun = 0;

  constructor(denoiser: Denoiser, options: ResolvedOptions, plan: Plan, noise: NoiseSource) {
    const { maskId, dtype } = denoiser.model;
    this.#denoiser = denoiser;
    this.#options = options;
    this.#noise = noise;
    this.#rows = new RowSampler(denoiser.model, options.topP, options.compat);
    this.#pace = new Pace(options.signal);
    this.#ledger = new Ledger(options);
    // The original keeps confidences in bfloat16 beside a network that computes in it, as on a GPU.
    const rounds = options.compat === "remdm" && dtype === "bfloat16";
    this.#settings = { ...options, plan, maskId, ...(rounds && { round: roundToBfloat16 }) };
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
    return this.#ledger.outcome();
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
      const { time } = state;
      const events = state.drawEvents(this.#noise);
      if (events.reveals.length > 0) return { state, events, time };
      const tell = remasked(state, events.remasks);
      state.apply(events, []);
      if (events.remasks.length > 0) yield tell;
    }
    return undefined;
  }

  async *#answer(
    questions: readonly Question[],
  ): AsyncGenerator<RevealedEvent | RemaskedEvent, void, void> {
    this.#pace.checkAborted();
    const request = requestOf(questions, this.#options.length);
    const rows = await this.#ask(request);
    this.#ledger.called(
      questions.map(({ state }) => state),
      request.rows.length,
    );
    let row = 0;
    for (const question of questions) {
      const { state, events } = question;
      const draws = await this.#draw(question, rows, row);
      row += draws.length;
      const left = remasked(state, events.remasks);
      const came = revealed(state, events.reveals, draws);
      state.apply(events, draws);
      if (events.remasks.length > 0) yield left;
      yield came;
    }
  }

  /** For the top of rows where the denoiser offers that and a nucleus leaves the rest out, else for whole ones. */
  async #ask(request: ForwardRequest): Promise<AnsweredRows> {
    const { topP, signal } = this.#options;
    const sampler = this.#rows;
    if (topP < 1 && offersTop(this.#denoiser)) {
      const tops = await askTop(this.#denoiser, request, topP, signal);
      return {
        draw: (row, at) => sampler.drawTop(tops[row], at, this.#noise),
        argmax: (row, at) => sampler.argmaxTop(tops[row], at),
      };
    }
    const { vocabSize } = this.#denoiser.model;
    const logits = await ask(this.#denoiser, request, signal);
    const xTheta = (row: number) => logits.subarray(row * vocabSize, (row + 1) * vocabSize);
    return {
      draw: (row, at) => sampler.draw(xTheta(row), at, this.#noise),
      argmax: (row, at) => sampler.argmax(xTheta(row), at),
    };
  }

  /** @param first of the question's rows. */
  async #draw({ state, events }: Question, rows: AnsweredRows, first: number): Promise<Draw[]> {
    const { vocabSize } = this.#denoiser.model;
    const likeliest = state.final && this.#settings.plan.removal === "argmax";
    const draws: Draw[] = [];
    for (const position of events.reveals) {
      const at = { sample: state.sample, step: state.step, position };
      const row = first + draws.length;
      draws.push(likeliest ? rows.argmax(row, at) : rows.draw(row, at));
      if (this.#pace.spendTokens(vocabSize)) await this.#pace.rest();
    }
    return draws;
  }

  #begin(): SampleState | undefined {
    const { samples, firstSample } = this.#options;
    if (this.#begun === samples) return undefined;
    const state = new SampleState(firstSample + this.#begun, this.#settings);
    this.#active.push(state);
    this.#begun++;
    return state;
  }

  #finish(state: SampleState): FinishedEvent {
    this.#active.splice(this.#active.indexOf(state), 1);
    return this.#ledger.finish(state.sample, state.text());
  }

  #progress() {
    const underWay = this.#active.reduce((sum, { stepsDone }) => sum + stepsDone, 0);
    const first = this.#active.find(({ finished }) => !finished);
    return this.#ledger.progress(underWay, first);
  }
}

/** Positions are told as those of the text. */
function inText({ offset }: SampleState, positions: Int32Array): number[] {
  return Array.from(positions, (position) => position + offset);
}

/** @param state before the step. */
function remasked(state: SampleState, positions: Int32Array): RemaskedEvent {
  const { sample, step, time } = state;
  const tokens = Array.from(positions, (position) => state.tokens[position]);
  return { type: "remasked", sample, step, time, positions: inText(state, positions), tokens };
}

function revealed(
  state: SampleState,
  positions: Int32Array,
  draws: readonly Draw[],
): RevealedEvent {
  const { sample, step, time } = state;
  return {
    type: "revealed",
    sample,
    step,
    time,
    positions: inText(state, positions),
    tokens: draws.map(({ token }) => token),
    probabilities: draws.map(({ probability }) => probability),
  };
}
