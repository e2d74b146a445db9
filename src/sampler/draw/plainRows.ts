/**
 * Draws from rows in plain TypeScript: with every source of noise, and where the kernel cannot run.
 * Softmax and nucleus are in `nucleus.ts`; the race is here.
 */
import type { NoiseSource } from "./noise.ts";
import { Nucleus } from "./nucleus.ts";
import { invalidRow, type RacedDraw, type RowAddress } from "./rowAddress.ts";
import type { DrawRule } from "./drawRule.ts";
import { LACKING, logProbabilityOf, type TopRow } from "./topRow.ts";

/** Taken once: looking up a global is slow where globals are intercepted (`node:vm`, so jest). */
const { log1p } = Math;

/** Works on one row after another with the same scratch memory. */
export class PlainRows {
  readonly #nucleus: Nucleus;
  readonly #topP: number;
  /** [V] noise of the tokens in the nucleus. */
  readonly #uniforms: Float64Array;
  /** [V] ids of the tokens in the nucleus, for a top row. */
  readonly #ids: Int32Array;
  /** {@link Draw.lead} of the last race. */
  #lead = Infinity;

  /** @param rule its `topK` is not looked at. */
  constructor(vocabSize: number, maskId: number, rule: DrawRule) {
    this.#nucleus = new Nucleus(vocabSize, maskId, rule);
    this.#topP = rule.topP;
    this.#uniforms = new Float64Array(vocabSize);
    this.#ids = new Int32Array(vocabSize);
  }

  /** Draws from a whole row. @param max the largest of the logits except the mask's; finite. */
  draw(row: Float32Array, max: number, at: RowAddress, noise: NoiseSource): RacedDraw {
    const total = this.#nucleus.select(row, max);
    const { ids } = this.#nucleus;
    const place = this.#race(ids, at, noise);
    const token = ids[place];
    return this.#drawn(place, token, row[token] - max - Math.log(total));
  }

  /** Returns the sum of exp(logit - max) over all tokens. @param max as for {@link draw}. */
  total(row: Float32Array, max: number): number {
    return this.#nucleus.total(row, max);
  }

  /**
   * Draws from a top row.
   * @param max the largest of the logits; finite.
   * @throws RemdmError `denoiser_invalid` when the list ends before p.
   */
  drawTop(row: TopRow, max: number, at: RowAddress, noise: NoiseSource): RacedDraw {
    const nucleus = this.#nucleus;
    const listed = nucleus.selectTop(row.logits, max, row.rest);
    if (listed < this.#topP - LACKING) {
      throw invalidRow(at, `lists tokens of mass ${listed}, too few for p = ${this.#topP}`);
    }
    const ids = this.#ids;
    for (let i = 0; i < nucleus.size; i++) ids[i] = row.ids[nucleus.ids[i]];
    const place = this.#race(ids, at, noise);
    return this.#drawn(place, ids[place], logProbabilityOf(row, nucleus.ids[place]));
  }

  /** @param place of the token in the nucleus. */
  #drawn(place: number, token: number, logProbability: number): RacedDraw {
    const { weights, ids, mass } = this.#nucleus;
    return { token, probability: weights[ids[place]] / mass, logProbability, lead: this.#lead };
  }

  /**
   * Runs the exponential race.
   * @param ids of the nucleus' columns.
   * @returns the winner's place in the nucleus.
   */
  #race(ids: Int32Array, at: RowAddress, noise: NoiseSource): number {
    const { weights, ids: columns, size } = this.#nucleus;
    const uniforms = this.#uniforms;
    drawTokens(noise, at, ids, size, uniforms);
    let best = Infinity;
    let second = Infinity;
    let winner = 0;
    for (let i = 0; i < size; i++) {
      const weight = weights[columns[i]];
      const u = uniforms[i];
      if (u > second * weight) continue; // E >= u: it comes third or later; spares most logarithms
      const race = -log1p(-u) / weight;
      if (race < best) {
        second = best;
        best = race;
        winner = i;
      } else if (race < second) {
        second = race;
      }
    }
    this.#lead = second / best;
    return winner;
  }
}

/** Draws the noise of the first `count` ids, all at once where the source can. */
function drawTokens(
  noise: NoiseSource,
  { sample, step, position }: RowAddress,
  ids: Int32Array,
  count: number,
  out: Float64Array,
): void {
  if (noise.tokens) {
    noise.tokens(sample, step, position, ids, count, out);
    return;
  }
  for (let i = 0; i < count; i++) out[i] = noise.token(sample, step, position, ids[i]);
}
