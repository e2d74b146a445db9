/** Asks the network for the rows of positions that are to become tokens, and draws the tokens. */
import type { Pace } from "../../foundation/pace.ts";
import type { Denoiser, ForwardRequest, TopCut } from "../denoiser.ts";
import { cutsTokens, takesLikeliest, type DrawRule } from "../draw/drawRule.ts";
import type { NoiseSource } from "../draw/noise.ts";
import { RowSampler, type Draw } from "../draw/rowSampler.ts";
import type { RowTask } from "../draw/rowTask.ts";
import { drawRows, tryDraw, type RowTools } from "../draw/workers/drawRows.ts";
import type { RowPool } from "../draw/workers/rowPool.ts";
import type { PreparedRun } from "../prepare.ts";
import { checkNotBanned } from "./adjusted.ts";
import type { DrawGuess } from "./lookahead/knownRows.ts";
import { ask, askTop, offersTop } from "./question.ts";

/** Returns a row of those that were asked for, [V] logits or its top. */
export type AnsweredRows = (row: number) => RowTask["row"];

/** The place whose rows become tokens. */
export interface DrawPlace {
  readonly sample: number;
  readonly step: number;
  readonly positions: ArrayLike<number>;
  /** Takes the likeliest tokens instead of drawing. */
  readonly likeliest: boolean;
}

/** A place with its rows among those that were asked for. */
export interface AnsweredPlace {
  readonly rows: readonly number[];
  readonly place: DrawPlace;
}

export class RowDraws {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #tools: RowTools;
  readonly #cut: TopCut | undefined;

  /** @param pool draws beside the calling thread; default: none. */
  constructor(
    denoiser: Denoiser,
    run: PreparedRun,
    noise: NoiseSource,
    pace: Pace,
    pool?: RowPool,
  ) {
    this.#denoiser = denoiser;
    this.#run = run;
    const { model } = denoiser;
    const sampler = new RowSampler(model, run);
    this.#tools = { sampler, model, rule: run, noise, pace, pool };
    this.#cut = cutOf(run, denoiser.model.vocabSize);
  }

  /**
   * Asks for the top of rows where the denoiser offers it and the draw leaves tokens out, else for
   * whole rows.
   */
  async ask(request: ForwardRequest, signal = this.#run.signal): Promise<AnsweredRows> {
    if (this.#cut !== undefined && offersTop(this.#denoiser)) {
      const tops = await askTop(this.#denoiser, request, this.#cut, signal);
      return (row) => tops[row];
    }
    const { vocabSize } = this.#denoiser.model;
    const logits = await ask(this.#denoiser, request, signal);
    return (row) => logits.subarray(row * vocabSize, (row + 1) * vocabSize);
  }

  /**
   * Draws the tokens of places that share a call.
   * @param rows that were asked for.
   * @returns of each place the draws of its positions.
   */
  async drawAll(rows: AnsweredRows, places: readonly AnsweredPlace[]): Promise<Draw[][]> {
    const tasks = places.flatMap(({ rows: own, place }) => {
      return own.map((row, i) => this.#taskOf(rows(row), place, i));
    });
    const draws = await drawRows(tasks, this.#tools);
    for (const { token } of draws) checkNotBanned(token, this.#run);
    return places.map(({ place }) => draws.splice(0, place.positions.length));
  }

  /**
   * Draws the token of a position in the calling thread, from a row that may be about another
   * state.
   * @returns undefined for a row that has no distribution: no sample needs it.
   */
  readonly guess: DrawGuess = (row, { sample, step, likeliest }, position) => {
    const task = this.#taskOf(row, { sample, step, positions: [position], likeliest }, 0);
    return tryDraw(this.#tools.sampler, task, this.#tools.noise);
  };

  #taskOf(
    row: RowTask["row"],
    { sample, step, positions, likeliest }: DrawPlace,
    i: number,
  ): RowTask {
    const { particles = 1 } = this.#run.guide ?? {};
    return { row, at: { sample, particles, step, position: positions[i] }, likeliest };
  }
}

/** Returns the part of a row that a draw can take; undefined: the whole row. */
function cutOf(rule: DrawRule, vocabSize: number): TopCut | undefined {
  if (takesLikeliest(rule)) return { topK: 1 };
  const { topP, temperature = 1, topK } = rule;
  const cuts = topK !== undefined && cutsTokens(rule, vocabSize);
  if (topP === 1) return cuts ? { topK } : undefined; // whatever the temperature
  return {
    mass: topP,
    ...(temperature !== 1 && { temperature }),
    ...(cuts && { topK }),
  };
}
