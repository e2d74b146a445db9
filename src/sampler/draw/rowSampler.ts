/**
 * Draws a token from one row of logits: SUBS (the mask has no probability), temperature, top-k,
 * softmax and nucleus in fp64, then a Gumbel-max draw. Original: `_subs_parameterization`, the
 * nucleus block of `_ddpm_caching_update`, and `_sample_categorical`, which work there on the whole
 * [B, L, V] tensor at once.
 *
 * There are two implementations with the same bits: WebAssembly with SIMD (`kernel/`) and plain
 * TypeScript (`plainRows.ts`). Top-k is common to both: it makes a top row of the row.
 */
import type { DenoiserModel, TokenId } from "../denoiser.ts";
import { cutsTokens, takesLikeliest, type DrawRule } from "./drawRule.ts";
import { KernelRows } from "./kernel/kernelRows.ts";
import { Largest } from "./largest.ts";
import type { NoiseSource } from "./noise.ts";
import { PlainRows } from "./plainRows.ts";
import { invalidRow, type RacedDraw, type RowAddress } from "./rowAddress.ts";
import { likeliestOf, logProbabilityOf, type TopRow } from "./topRow.ts";

export { invalidRow, type Draw, type RacedDraw, type RowAddress } from "./rowAddress.ts";
export type { TopRow } from "./topRow.ts";

/** Works on one row after another with the same scratch memory. */
export class RowSampler {
  readonly #vocabSize: number;
  readonly #maskId: TokenId;
  readonly #rule: DrawRule;
  readonly #takesLikeliest: boolean;
  /** Finds the k likeliest tokens, where top-k can leave one out. */
  readonly #largest: Largest | undefined;
  readonly #kernel: KernelRows | undefined;
  #plain: PlainRows | undefined;

  /**
   * @param implementation the kernel, if the host has WebAssembly with SIMD and memory for it, or
   *   plain TypeScript.
   */
  constructor(
    { vocabSize, maskId }: Pick<DenoiserModel, "vocabSize" | "maskId">,
    rule: DrawRule,
    implementation: "kernel" | "plain" = "kernel",
  ) {
    this.#vocabSize = vocabSize;
    this.#maskId = maskId;
    this.#rule = rule;
    this.#takesLikeliest = takesLikeliest(rule);
    const { topK } = rule;
    const cuts = topK !== undefined && cutsTokens(rule, vocabSize);
    this.#largest = cuts ? new Largest(vocabSize, topK) : undefined;
    this.#kernel =
      implementation === "kernel" ? KernelRows.open(vocabSize, maskId, rule) : undefined;
  }

  /**
   * The implementation that draws with the default noise. Other noise is always drawn in plain
   * TypeScript.
   */
  get implementation(): "kernel" | "plain" {
    return this.#kernel ? "kernel" : "plain";
  }

  /**
   * Draws a token by temperature, top-k, softmax, nucleus and Gumbel-max. argmax(log w + G) with
   * Gumbel noise G is argmin(E / w) with exponential E = -log(1 - u), and is computed so. A token's
   * noise has the address of its id.
   * @param row [V] logits; -Infinity is a token that cannot be drawn.
   * @throws RemdmError `denoiser_invalid` for a row that has no distribution.
   */
  draw(row: Float32Array, at: RowAddress, noise: NoiseSource): RacedDraw {
    if (this.#takesLikeliest) return this.argmax(row, at);
    if (this.#largest) {
      const max = row[this.#likeliest(row, at)];
      return this.#drawTop(this.#cutRow(row, max, this.#largest), max, at, noise);
    }
    if (this.#kernel && row.length === this.#vocabSize) {
      const drawn = this.#kernel.draw(row, at, noise);
      if (drawn) return drawn;
    }
    const max = row[this.#likeliest(row, at)];
    return this.#plainRows().draw(row, max, at, noise);
  }

  /**
   * Draws the token that {@link draw} gives for the whole row, at the cost of the tokens listed.
   * The probability may differ in its last bits, because the total is summed in another order.
   * @param row holds, by the sampler's own rule, the smallest set of tokens with a mass > p, and
   *   all tokens that are equal to the last of them; with top-k, of the k likeliest.
   * @throws RemdmError `denoiser_invalid` for a row that cannot be part of a distribution or ends
   *   before p.
   */
  drawTop(row: TopRow, at: RowAddress, noise: NoiseSource): RacedDraw {
    const likeliest = this.#likeliestTop(row, at);
    if (this.#takesLikeliest) return certain(row, likeliest);
    const max = row.logits[likeliest];
    return this.#drawTop(this.#largest ? cutTop(row, this.#largest) : row, max, at, noise);
  }

  #drawTop(row: TopRow, max: number, at: RowAddress, noise: NoiseSource): RacedDraw {
    return (
      this.#kernel?.drawTop(row, max, at, noise) ?? this.#plainRows().drawTop(row, max, at, noise)
    );
  }

  /**
   * Returns the likeliest token, of equals the lowest id: the final noise removal. It is certain,
   * so psi is 1.
   * @throws RemdmError as {@link draw}.
   */
  argmax(row: Float32Array, at: RowAddress): RacedDraw {
    const token = this.#likeliest(row, at);
    const logProbability = 0 - Math.log(this.#total(row, row[token]));
    return { token, probability: 1, logProbability, lead: Infinity };
  }

  /** Does what {@link argmax} does for a row whose likeliest tokens are listed. */
  argmaxTop(row: TopRow, at: RowAddress): RacedDraw {
    return certain(row, this.#likeliestTop(row, at));
  }

  #likeliestTop(row: TopRow, at: RowAddress): number {
    return likeliestOf(row, this.#vocabSize, this.#maskId, at);
  }

  /** Makes plain rows when first needed: most runs have the kernel and the default noise. */
  #plainRows(): PlainRows {
    this.#plain ??= new PlainRows(this.#vocabSize, this.#maskId, this.#rule);
    return this.#plain;
  }

  /** Returns the sum of exp(logit - max) over all tokens of a row that has a distribution. */
  #total(row: Float32Array, max: number): number {
    return this.#kernel?.total(row) ?? this.#plainRows().total(row, max);
  }

  /** Cuts a row down to its k likeliest tokens. */
  #cutRow(row: Float32Array, max: number, largest: Largest): TopRow {
    largest.find(row, this.#maskId);
    const ids = largest.places.subarray(0, largest.size);
    const logits = Float32Array.from(ids, (id) => row[id]);
    return { ids, logits, rest: 0, logMass: max + Math.log(this.#total(row, max)) };
  }

  /** Returns the first of the largest logits except the mask's; checks the row on the way. */
  #likeliest(row: Float32Array, at: RowAddress): TokenId {
    if (row.length !== this.#vocabSize) {
      throw invalidRow(at, `has ${row.length} columns instead of ${this.#vocabSize}`);
    }
    let max = -Infinity;
    let likeliest = this.#maskId;
    let id = 0;
    for (;;) {
      // Passes over four at once until one of them is above all before it, or NaN.
      const quads = row.length - 3;
      while (
        id < quads &&
        row[id] <= max &&
        row[id + 1] <= max &&
        row[id + 2] <= max &&
        row[id + 3] <= max
      )
        id += 4;
      while (id < row.length && row[id] <= max) id++;
      if (id === row.length) break;
      if (id !== this.#maskId) {
        max = row[id];
        likeliest = id;
        if (!(max < Infinity)) throw invalidRow(at, `holds ${max} for token ${id}`);
      }
      id++;
    }
    if (likeliest === this.#maskId) throw invalidRow(at, "gives no token a chance");
    return likeliest;
  }
}

/** Takes the listed token without a draw. */
function certain(row: TopRow, place: number): RacedDraw {
  const logProbability = logProbabilityOf(row, place);
  return { token: row.ids[place], probability: 1, logProbability, lead: Infinity };
}

/** Cuts a top row down to its k likeliest tokens. */
function cutTop(row: TopRow, largest: Largest): TopRow {
  largest.find(row.logits);
  if (largest.size === row.ids.length) return row;
  const places = largest.places.subarray(0, largest.size);
  const ids = Int32Array.from(places, (place) => row.ids[place]);
  return { ...row, ids, logits: Float32Array.from(places, (place) => row.logits[place]) };
}
