/**
 * Draws a token from one row of logits: SUBS (the mask has no probability), softmax and nucleus in fp64, then a
 * Gumbel-max draw. Original: `_subs_parameterization`, the nucleus block of `_ddpm_caching_update`, and
 * `_sample_categorical`, which exist there for the whole [B, L, V] tensor at once.
 */
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import { RemdmError } from "./errors.ts";
import type { NoiseSource } from "./noise.ts";

/** Whose row it is: its noise is drawn for this address, and errors name it. */
export interface RowAddress {
  readonly sample: number;
  readonly step: number;
  readonly position: number;
}

export interface Draw {
  readonly token: TokenId;
  /** Its probability after nucleus filtering, in (0, 1]: psi of ReMDM-conf. */
  readonly probability: number;
}

/** Works on one row after another with the same scratch memory. */
export class RowSampler {
  readonly #vocabSize: number;
  readonly #maskId: TokenId;
  readonly #topP: number;
  /** [V] exp(logit - max), so 1 for the likeliest token; 0 for the mask. */
  readonly #weights: Float64Array;
  readonly #heap: Float64Array;
  readonly #keepsCrossing: boolean;
  #total = 0;

  /**
   * @param topP nucleus mass p in (0, 1]; 1 keeps every token.
   * @param compat whether the token that crosses p is dropped (`remdm`) or kept (`paper`: Holtzman et al., 2020).
   */
  constructor(
    model: Pick<DenoiserModel, "vocabSize" | "maskId">,
    topP: number,
    compat: "remdm" | "paper" = "remdm",
  ) {
    this.#keepsCrossing = compat === "paper";
    this.#vocabSize = model.vocabSize;
    this.#maskId = model.maskId;
    this.#topP = topP;
    this.#weights = new Float64Array(model.vocabSize);
    this.#heap = new Float64Array(topP < 1 ? model.vocabSize : 0);
  }

  /**
   * Softmax, nucleus, Gumbel-max. argmax(log w + G) with Gumbel noise G is argmin(E / w) with E = -log(1 - u)
   * exponential, which is how it is computed. A token's noise is that of its id.
   * @param row [V] logits; -Infinity is a token that cannot be drawn.
   * @throws RemdmError `denoiser_invalid` for a row that is no distribution.
   */
  draw(row: Float32Array, at: RowAddress, noise: NoiseSource): Draw {
    this.#softmax(row, at);
    const nucleus = this.#nucleus();
    const weights = this.#weights;
    let ties = nucleus.ties;
    let best = Infinity;
    let token = 0;
    for (let id = 0; id < weights.length; id++) {
      const weight = weights[id];
      if (weight < nucleus.cut || weight === 0) continue;
      if (weight === nucleus.cut && ties-- <= 0) continue;
      const u = noise.token(at.sample, at.step, at.position, id);
      if (u > best * weight) continue; // E >= u, so it cannot win: spares most of the logarithms
      const race = -Math.log1p(-u) / weight;
      if (race < best) {
        best = race;
        token = id;
      }
    }
    return { token, probability: weights[token] / nucleus.mass };
  }

  /**
   * The likeliest token, of equals the lowest id: the final noise removal. It is certain, so psi is 1.
   * @throws RemdmError as {@link draw}.
   */
  argmax(row: Float32Array, at: RowAddress): Draw {
    return { token: this.#likeliest(row, at), probability: 1 };
  }

  #softmax(row: Float32Array, at: RowAddress): void {
    const max = row[this.#likeliest(row, at)];
    const weights = this.#weights;
    let total = 0;
    for (let id = 0; id < weights.length; id++) {
      const weight = id === this.#maskId ? 0 : Math.exp(row[id] - max);
      weights[id] = weight;
      total += weight;
    }
    this.#total = total;
  }

  /** The first of the largest logits but the mask's; checks the row on the way. */
  #likeliest(row: Float32Array, at: RowAddress): TokenId {
    if (row.length !== this.#vocabSize) {
      throw invalidRow(at, `has ${row.length} columns instead of ${this.#vocabSize}`);
    }
    let max = -Infinity;
    let likeliest = this.#maskId;
    for (let id = 0; id < row.length; id++) {
      if (id === this.#maskId) continue;
      const logit = row[id];
      if (!(logit < Infinity)) throw invalidRow(at, `holds ${logit} for token ${id}`);
      if (logit > max) {
        max = logit;
        likeliest = id;
      }
    }
    if (likeliest === this.#maskId) throw invalidRow(at, "gives no token a chance");
    return likeliest;
  }

  /**
   * The original's nucleus: from the likeliest token down, of equals the lowest id first, while the cumulative
   * probability is <= p, and always the first. So the token that crosses p is left out, where the paper on nucleus
   * sampling has the smallest set of at least p. A heap gives the
   * tokens in order for as long as they are kept; what comes out is the smallest weight that is kept, how many
   * of exactly that weight are, and the sum of all kept weights. All tokens below the heap's floor together have
   * less than half of 1 - p, so p is crossed before them.
   */
  #nucleus(): { readonly cut: number; readonly ties: number; readonly mass: number } {
    if (this.#topP >= 1) return { cut: 0, ties: 0, mass: this.#total };
    const heap = this.#heap;
    const floor = (0.5 * (1 - this.#topP) * this.#total) / this.#vocabSize;
    let size = heapOf(this.#weights, floor, heap);
    let cut = heap[0];
    let ties = 0;
    let mass = 0;
    let cumulative = 0;
    do {
      const weight = heap[0];
      ties = weight === cut ? ties + 1 : 1;
      cut = weight;
      mass += weight;
      cumulative += weight / this.#total;
      size--;
      heap[0] = heap[size];
      siftDown(heap, 0, size);
    } while (size > 0 && this.#keeps(cumulative, heap[0] / this.#total));
    return { cut, ties, mass };
  }

  /** Whether the next token belongs to the nucleus. @param cumulative probability of those before it. */
  #keeps(cumulative: number, probability: number): boolean {
    return this.#keepsCrossing ? cumulative < this.#topP : cumulative + probability <= this.#topP;
  }
}

/** Copies the weights above `floor` into a max-heap. @returns its size. */
function heapOf(weights: Float64Array, floor: number, heap: Float64Array): number {
  let size = 0;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id] > floor) heap[size++] = weights[id];
  }
  for (let node = (size >>> 1) - 1; node >= 0; node--) siftDown(heap, node, size);
  return size;
}

function siftDown(heap: Float64Array, from: number, size: number): void {
  const value = heap[from];
  let node = from;
  for (let child = 2 * node + 1; child < size; child = 2 * node + 1) {
    if (child + 1 < size && heap[child + 1] > heap[child]) child++;
    if (heap[child] <= value) break;
    heap[node] = heap[child];
    node = child;
  }
  heap[node] = value;
}

export function invalidRow({ sample, step, position }: RowAddress, what: string): RemdmError {
  return new RemdmError(
    `The network's row for sample ${sample}, step ${step}, position ${position} ${what}`,
    {
      code: "denoiser_invalid",
      remedy:
        "Check the model's weights and number format; a row needs finite logits (-Infinity rules a token out).",
    },
  );
}
