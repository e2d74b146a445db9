/**
 * Filters a whole row by the original's nucleus, with its rounding: sorted from the likeliest down,
 * equal ones in PyTorch's order, tokens are kept while the cumulative sum is <= p, and always the
 * first; the token that crosses p is dropped. Original: the same lines in `_ddpm_caching_update`,
 * `_dfm_caching_update` and `_ar_sampler`.
 */
import type { Precision } from "./precision.ts";
import { TorchSort } from "./torchSort.ts";

/** Works on one row after another with the same scratch memory. */
export class ParityNucleus {
  readonly #topP: number;
  readonly #precision: Precision;
  readonly #sort: TorchSort;

  /** @param topP in (0, 1); a comparison takes it in the tensor's dtype. */
  constructor(vocabSize: number, topP: number, precision: Precision) {
    this.#topP = precision.round(topP);
    this.#precision = precision;
    const isDouble = precision.round(0.1) === 0.1;
    this.#sort = new TorchSort(vocabSize, isDouble ? new Float64Array(vocabSize) : undefined);
  }

  /**
   * Filters one row.
   * @param p [V] probabilities, in place.
   * @returns what the kept ones were divided by.
   */
  filter(p: Float32Array | Float64Array): number {
    const { round, accumulate } = this.#precision;
    const order = this.#sort.descending(p);
    let cumulative = 0;
    let kept = 0;
    let mass = 0;
    for (; kept < order.length; kept++) {
      cumulative = accumulate(cumulative + p[order[kept]]);
      if (kept > 0 && round(cumulative) > this.#topP) break;
      mass += p[order[kept]];
    }
    const total = round(mass);
    for (let i = 0; i < order.length; i++) {
      const v = order[i];
      p[v] = i < kept ? round(p[v] / total) : 0;
    }
    return total;
  }
}
