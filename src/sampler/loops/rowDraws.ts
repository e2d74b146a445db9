/** Asks the network for the rows of positions that are to become tokens, and draws the tokens. */
import type { Pace } from "../../foundation/pace.ts";
import type { Denoiser, ForwardRequest, TopCut } from "../denoiser.ts";
import { cutsTokens, takesLikeliest, type DrawRule } from "../draw/drawRule.ts";
import type { NoiseSource } from "../draw/noise.ts";
import type { RowAddress } from "../draw/rowAddress.ts";
import { RowSampler, type Draw } from "../draw/rowSampler.ts";
import type { PreparedRun } from "../prepare.ts";
import { checkNotBanned } from "./adjusted.ts";
import { ask, askTop, offersTop } from "./question.ts";

/** Draws a token from one of the rows that were asked for, or takes its likeliest token. */
interface AnsweredRows {
  draw(row: number, at: RowAddress): Draw;
  argmax(row: number, at: RowAddress): Draw;
}

/** The place whose rows become tokens. */
export interface DrawPlace {
  readonly sample: number;
  readonly step: number;
  readonly positions: ArrayLike<number>;
  /** Takes the likeliest tokens instead of drawing. */
  readonly likeliest: boolean;
}

export class RowDraws {
  readonly #denoiser: Denoiser;
  readonly #run: PreparedRun;
  readonly #noise: NoiseSource;
  readonly #pace: Pace;
  readonly #sampler: RowSampler;
  readonly #cut: TopCut | undefined;

  constructor(denoiser: Denoiser, run: PreparedRun, noise: NoiseSource, pace: Pace) {
    this.#denoiser = denoiser;
    this.#run = run;
    this.#noise = noise;
    this.#pace = pace;
    this.#sampler = new RowSampler(denoiser.model, run);
    this.#cut = cutOf(run, denoiser.model.vocabSize);
  }

  /**
   * Asks for the top of rows where the denoiser offers it and the draw leaves tokens out, else for
   * whole rows.
   */
  async ask(request: ForwardRequest): Promise<AnsweredRows> {
    const { signal } = this.#run;
    const sampler = this.#sampler;
    if (this.#cut !== undefined && offersTop(this.#denoiser)) {
      const tops = await askTop(this.#denoiser, request, this.#cut, signal);
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

  /**
   * Draws the tokens of a place.
   * @param first row of the place, among the rows that were asked for.
   */
  async draw(
    rows: AnsweredRows,
    first: number,
    { sample, step, positions, likeliest }: DrawPlace,
  ): Promise<Draw[]> {
    const { vocabSize } = this.#denoiser.model;
    const { particles = 1 } = this.#run.guide ?? {};
    const draws: Draw[] = [];
    for (let i = 0; i < positions.length; i++) {
      const at = { sample, particles, step, position: positions[i] };
      const draw = likeliest ? rows.argmax(first + i, at) : rows.draw(first + i, at);
      checkNotBanned(draw.token, this.#run);
      draws.push(draw);
      if (this.#pace.spendTokens(vocabSize)) await this.#pace.rest();
    }
    return draws;
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
