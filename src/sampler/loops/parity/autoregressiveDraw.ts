/**
 * Draws the original's next token: Gumbel-max over log-probabilities in float32, with noise of one
 * [B, L - 2, V] float32 block that is drawn before the first step. The block is not held: each
 * sequence has a generator that stands where its part of the block goes on. Original:
 * `_ar_sampler`.
 */
import type { Draw } from "../../draw/rowSampler.ts";
import type { DenoiserModel } from "../../denoiser.ts";
import type { PreparedRun } from "../../prepare.ts";
import { ParityNucleus } from "./nucleus.ts";
import { exponentiate, nextLogProbabilities } from "./parameterization.ts";
import { precisionOf } from "./precision.ts";
import { TorchGenerator } from "./torchGenerator.ts";

export class AutoregressiveDraw {
  readonly #model: DenoiserModel;
  readonly #nucleus: ParityNucleus | undefined;
  /** Number of float32 draws of one sequence: (L - 2) V. */
  readonly #drawsOfSequence: number;
  #generator: TorchGenerator;
  /** One generator for each sequence of the batch. */
  #sequences: TorchGenerator[] = [];

  constructor(model: DenoiserModel, { topP, seed, length }: PreparedRun) {
    this.#model = model;
    const precision = precisionOf(model.dtype);
    this.#nucleus = topP < 1 ? new ParityNucleus(model.vocabSize, topP, precision) : undefined;
    this.#drawsOfSequence = (length - 2) * model.vocabSize;
    this.#generator = new TorchGenerator(seed);
  }

  /** Begins a batch of this many sequences; its block follows the last batch's block. */
  begin(batch: number): void {
    this.#sequences = Array.from({ length: batch }, () => {
      const own = this.#generator.clone();
      this.#generator.skip32(this.#drawsOfSequence);
      return own;
    });
  }

  /**
   * Draws the next token.
   * @param row [V] raw logits, in place.
   * @param b which sequence of the batch.
   */
  draw(row: Float32Array, b: number): Draw {
    const precision = precisionOf(this.#model.dtype);
    nextLogProbabilities(row, this.#model.maskId, precision);
    const whole = this.#nucleus === undefined ? row : row.slice();
    if (this.#nucleus !== undefined) {
      exponentiate(row, precision);
      this.#nucleus.filter(row);
      for (let v = 0; v < row.length; v++) row[v] = precision.round(Math.log(row[v]));
    }
    const generator = this.#sequences[b];
    let best = -Infinity;
    let token = 0;
    for (let v = 0; v < row.length; v++) {
      const race = Math.fround(row[v] + generator.gumbel32());
      if (race > best) {
        best = race;
        token = v;
      }
    }
    const logProbability = Math.min(0, whole[token]);
    return { token, probability: Math.exp(row[token]), logProbability };
  }
}
