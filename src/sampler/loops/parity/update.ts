/**
 * Computes one step of the original on single positions: `read` makes of a row of logits what the
 * step works with, and `weigh` makes of it the weights of what may stand there next. Revealed
 * positions need no row: under SUBS their row is certain, and under `ddpm` and `analytic` they are
 * copied.
 */
import type { DenoiserModel, TokenId } from "../../denoiser.ts";
import type { Draw } from "../../draw/rowSampler.ts";
import type { ParityConfidence } from "./confidence.ts";
import type { ParityTime } from "./grid.ts";
import { ParityNucleus } from "./nucleus.ts";
import {
  argmax,
  exponentiate,
  logProbabilities,
  logScores,
  logScoresOf,
  masklessLogProbability,
  massOf,
} from "./parameterization.ts";
import { float32, precisionOf, type Precision } from "./precision.ts";
import type { BoundForm, StepWeights } from "./form.ts";
import type { ParityRow } from "./rows.ts";
import { networkSigma32 } from "./sigma.ts";

export class ParityUpdate {
  readonly form: BoundForm;
  readonly precision: Precision;
  readonly model: DenoiserModel;
  readonly #nucleus: ParityNucleus | undefined;

  constructor(form: BoundForm, model: DenoiserModel, topP: number) {
    this.form = form;
    this.precision = precisionOf(model.dtype);
    this.model = model;
    this.#nucleus = topP < 1 ? new ParityNucleus(model.vocabSize, topP, this.precision) : undefined;
  }

  /** Tells whether a step that changed nothing lets the next one use its rows again. */
  get caches(): boolean {
    return this.form.kind === "weights" && this.form.caches && !this.model.timeConditioning;
  }

  /**
   * Computes p(x0 | xt) after the nucleus, or scores for `analytic`.
   * @param row with raw logits, in place.
   */
  read(row: ParityRow, t: number): void {
    const { values } = row;
    if (this.form.kind === "scores") {
      this.#readScores(values, t);
      row.mass = massOf(values, this.model.maskId);
      return;
    }
    this.#logProbabilities(values);
    exponentiate(values, this.precision);
    const mass = massOf(values, this.model.maskId);
    row.mass = mass / (this.#nucleus?.filter(values) ?? 1);
  }

  /** Returns a token's log-probability in the whole row. @param row as {@link read} left it. */
  logProbability({ values, mass }: ParityRow, token: TokenId): number {
    return Math.min(0, Math.log(values[token] / mass)); // both are rounded
  }

  weights(time: ParityTime, confidence: ParityConfidence): StepWeights | undefined {
    if (this.form.kind === "scores") return undefined;
    return this.form.weights(time, this.precision, confidence);
  }

  /** Computes the weights of a masked position. @param q [V] receives them. */
  weigh(
    row: Float32Array,
    weights: StepWeights | undefined,
    time: ParityTime,
    q: Float64Array,
  ): void {
    if (weights === undefined) {
      this.#weighScores(row, Math.fround(networkSigma32(time.t) - networkSigma32(time.s)), q);
      return;
    }
    const { reveal, stay, round } = weights;
    for (let v = 0; v < q.length; v++) q[v] = round(row[v] * reveal);
    q[this.model.maskId] = stay;
  }

  /**
   * Makes the final noise removal a draw, for `analytic`: raw logits become weights, without the
   * mask. Original: `_denoiser_update`.
   * @param row as for {@link read}, and read as there.
   */
  weighRemoval(row: ParityRow, end: number, q: Float64Array): void {
    this.read(row, end);
    this.#weighScores(row.values, networkSigma32(end), q);
    q[this.model.maskId] = 0;
  }

  /** Makes the final noise removal an argmax. @param row [V] raw logits, in place. */
  likeliest(row: Float32Array): Draw {
    this.#logProbabilities(row);
    const token = argmax(row);
    return {
      token,
      probability: 1,
      logProbability: masklessLogProbability(row, token, this.model.maskId),
    };
  }

  #logProbabilities(row: Float32Array): void {
    const { kind, maskId, subsMasking = false } = this.model;
    logProbabilities(row, maskId, kind !== "d3pm" || subsMasking, this.precision);
  }

  #readScores(row: Float32Array, t: number): void {
    const sigma = networkSigma32(t);
    if (this.model.kind === "sedd") {
      // The network's sigma counts: the original hides sigma from it unless it is time-conditioned.
      logScores(row, this.model.maskId, this.model.timeConditioning ? sigma : 0, this.precision);
      exponentiate(row, this.precision);
      return;
    }
    this.#logProbabilities(row);
    logScoresOf(row, this.model.maskId, sigma);
    exponentiate(row, float32);
  }

  /**
   * Computes the weights of a masked position from its scores. Original: `_staggered_score` times
   * `_transp_transition`, at a mask.
   * @param dsigma float32.
   */
  #weighScores(row: Float32Array, dsigma: number, q: Float64Array): void {
    const { maskId, kind } = this.model;
    const { round } = kind === "sedd" ? this.precision : float32;
    const growth = Math.fround(Math.exp(dsigma));
    const decay = Math.fround(Math.exp(-dsigma));
    let sum = 0;
    for (let v = 0; v < row.length; v++) sum += row[v];
    const extra = Math.fround(Math.fround(1 - growth) * round(sum));
    const arrive = Math.fround(1 - decay);
    for (let v = 0; v < q.length; v++) q[v] = Math.fround(round(row[v] * growth) * arrive);
    const stay = round(round(row[maskId] * growth) + extra);
    q[maskId] = Math.fround(stay * Math.fround(decay + arrive));
  }
}
