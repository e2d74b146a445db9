/**
 * Draws a token from one row of logits: SUBS (the mask has no probability), softmax and nucleus in
 * fp64, then a Gumbel-max draw. Original: `_subs_parameterization`, the nucleus block of
 * `_ddpm_caching_update`, and `_sample_categorical`, which work there on the whole [B, L, V] tensor
 * at once.
 *
 * There are two implementations with the same bits: WebAssembly with SIMD (`kernel/`) and plain
 * TypeScript (`plainRows.ts`).
 */
import type { DenoiserModel, TokenId } from "../denoiser.ts";
import { KernelRows } from "./kernel/kernelRows.ts";
import type { NoiseSource } from "./noise.ts";
import { PlainRows } from "./plainRows.ts";
import { invalidRow, type Draw, type RowAddress } from "./rowAddress.ts";
import type { Quirks } from "../quirks.ts";
import { likeliestOf, type TopRow } from "./topRow.ts";

export { invalidRow, type Draw, type RowAddress } from "./rowAddress.ts";
export type { TopRow } from "./topRow.ts";

/** Works on one row after another with the same scratch memory. */
export class RowSampler {
  readonly #vocabSize: number;
  readonly #maskId: TokenId;
  readonly #topP: number;
  readonly #quirks: Quirks;
  readonly #kernel: KernelRows | undefined;
  #plain: PlainRows | undefined;

  /**
   * @param topP nucleus mass p in (0, 1]; 1 keeps every token.
   * @param quirks whether the token that crosses p is dropped (`original`) or kept (`paper`:
   *   Holtzman et al., 2020).
   * @param implementation the kernel, if the host has WebAssembly with SIMD and memory for it, or
   *   plain TypeScript.
   */
  constructor(
    { vocabSize, maskId }: Pick<DenoiserModel, "vocabSize" | "maskId">,
    topP: number,
    quirks: Quirks = "original",
    implementation: "kernel" | "plain" = "kernel",
  ) {
    this.#vocabSize = vocabSize;
    this.#maskId = maskId;
    this.#topP = topP;
    this.#quirks = quirks;
    this.#kernel =
      implementation === "kernel" ? KernelRows.open(vocabSize, maskId, topP, quirks) : undefined;
  }

  /**
   * The implementation that draws with the default noise. Other noise is always drawn in plain
   * TypeScript.
   */
  get implementation(): "kernel" | "plain" {
    return this.#kernel ? "kernel" : "plain";
  }

  /**
   * Draws a token by softmax, nucleus and Gumbel-max. argmax(log w + G) with Gumbel noise G is
   * argmin(E / w) with exponential E = -log(1 - u), and is computed so. A token's noise has the
   * address of its id.
   * @param row [V] logits; -Infinity is a token that cannot be drawn.
   * @throws RemdmError `denoiser_invalid` for a row that has no distribution.
   */
  draw(row: Float32Array, at: RowAddress, noise: NoiseSource): Draw {
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
   * @param row holds the smallest set of tokens with a mass > p, and all tokens that are equal to
   *   the last of them.
   * @throws RemdmError `denoiser_invalid` for a row that cannot be part of a distribution or ends
   *   before p.
   */
  drawTop(row: TopRow, at: RowAddress, noise: NoiseSource): Draw {
    const max = row.logits[this.#likeliestTop(row, at)];
    return (
      this.#kernel?.drawTop(row, max, at, noise) ?? this.#plainRows().drawTop(row, max, at, noise)
    );
  }

  /**
   * Returns the likeliest token, of equals the lowest id: the final noise removal. It is certain,
   * so psi is 1.
   * @throws RemdmError as {@link draw}.
   */
  argmax(row: Float32Array, at: RowAddress): Draw {
    return { token: this.#likeliest(row, at), probability: 1 };
  }

  /** Does what {@link argmax} does for a row whose likeliest tokens are listed. */
  argmaxTop(row: TopRow, at: RowAddress): Draw {
    return { token: row.ids[this.#likeliestTop(row, at)], probability: 1 };
  }

  #likeliestTop(row: TopRow, at: RowAddress): number {
    return likeliestOf(row, this.#vocabSize, this.#maskId, at);
  }

  /** Makes plain rows when first needed: most runs have the kernel and the default noise. */
  #plainRows(): PlainRows {
    this.#plain ??= new PlainRows(this.#vocabSize, this.#maskId, this.#topP, this.#quirks);
    return this.#plain;
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
