/**
 * Draws a token from one row of logits: SUBS (the mask has no probability), softmax and nucleus in fp64, then a
 * Gumbel-max draw. Original: `_subs_parameterization`, the nucleus block of `_ddpm_caching_update`, and
 * `_sample_categorical`, which exist there for the whole [B, L, V] tensor at once.
 */
import type { DenoiserModel, TokenId } from "./denoiser.ts";
import { RemdmError } from "./errors.ts";
import type { NoiseSource } from "./noise.ts";
import { Nucleus } from "./nucleus.ts";
import type { Compat } from "./strategy.ts";

/** Taken once: looking up a global is slow where globals are intercepted (`node:vm`, so jest). */
const { log1p } = Math;

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

/** The tokens of a row that a nucleus of a given mass can hold. */
export interface TopRow {
  /** Ascending, the mask not among them. */
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  /** Sum of exp(logit - max) of the tokens that were left out. */
  readonly rest: number;
}

/** Works on one row after another with the same scratch memory. */
export class RowSampler {
  readonly #vocabSize: number;
  readonly #maskId: TokenId;
  readonly #nucleus: Nucleus;
  /** [V] The noise of the nucleus' tokens. */
  readonly #uniforms: Float64Array;
  readonly #topP: number;
  readonly #keepsCrossing: boolean;

  /**
   * @param topP nucleus mass p in (0, 1]; 1 keeps every token.
   * @param compat whether the token that crosses p is dropped (`remdm`) or kept (`paper`: Holtzman et al., 2020).
   */
  constructor(
    { vocabSize, maskId }: Pick<DenoiserModel, "vocabSize" | "maskId">,
    topP: number,
    compat: Compat = "remdm",
  ) {
    this.#vocabSize = vocabSize;
    this.#maskId = maskId;
    this.#nucleus = new Nucleus(vocabSize, maskId, topP, compat);
    this.#uniforms = new Float64Array(vocabSize);
    this.#topP = topP;
    this.#keepsCrossing = compat === "paper";
  }

  /**
   * Softmax, nucleus, Gumbel-max. argmax(log w + G) with Gumbel noise G is argmin(E / w) with E = -log(1 - u)
   * exponential, which is how it is computed. A token's noise is that of its id.
   * @param row [V] logits; -Infinity is a token that cannot be drawn.
   * @throws RemdmError `denoiser_invalid` for a row that is no distribution.
   */
  draw(row: Float32Array, at: RowAddress, noise: NoiseSource): Draw {
    const nucleus = this.#nucleus;
    nucleus.select(row, row[this.#likeliest(row, at)]);
    const { weights, ids, size } = nucleus;
    const uniforms = this.#uniforms;
    drawTokens(noise, at, ids, size, uniforms);
    let best = Infinity;
    let token = 0;
    for (let i = 0; i < size; i++) {
      const weight = weights[ids[i]];
      const u = uniforms[i];
      if (u > best * weight) continue; // E >= u, so it cannot win: spares most of the logarithms
      const race = -log1p(-u) / weight;
      if (race < best) {
        best = race;
        token = ids[i];
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

  /** As {@link draw}, of a row of which only the top is known. */
  drawTop(row: TopRow, at: RowAddress, noise: NoiseSource): Draw {
    const max = row.logits[this.#topIndex(row, at)];
    const weights = Float64Array.from(row.logits, (logit) => Math.exp(logit - max));
    const total = weights.reduce((sum, weight) => sum + weight, row.rest);
    const order = [...weights.keys()].sort((a, b) => weights[b] - weights[a] || a - b);
    const kept: number[] = [];
    let mass = 0;
    for (const i of order) {
      const probability = (mass + weights[i]) / total;
      const fits = this.#keepsCrossing ? probability < this.#topP : probability <= this.#topP;
      if (!fits && !this.#keepsCrossing && kept.length > 0) break;
      kept.push(i);
      mass += weights[i];
      if (!fits) break;
    }
    let best = Infinity;
    let winner = kept[0];
    for (const i of kept.sort((a, b) => a - b)) {
      const race = -log1p(-noise.token(at.sample, at.step, at.position, row.ids[i])) / weights[i];
      if (race >= best) continue;
      best = race;
      winner = i;
    }
    return { token: row.ids[winner], probability: weights[winner] / mass };
  }

  /** As {@link argmax}, of a row of which only the top is known. */
  argmaxTop(row: TopRow, at: RowAddress): Draw {
    return { token: row.ids[this.#topIndex(row, at)], probability: 1 };
  }

  #topIndex({ logits, ids }: TopRow, at: RowAddress): number {
    let likeliest = 0;
    logits.forEach((logit, i) => {
      if (!(logit < Infinity)) throw invalidRow(at, `holds ${logit} for token ${ids[i]}`);
      if (logit > logits[likeliest]) likeliest = i;
    });
    if (ids.length === 0) throw invalidRow(at, "gives no token a chance");
    return likeliest;
  }

  /** The first of the largest logits but the mask's; checks the row on the way. */
  #likeliest(row: Float32Array, at: RowAddress): TokenId {
    if (row.length !== this.#vocabSize) {
      throw invalidRow(at, `has ${row.length} columns instead of ${this.#vocabSize}`);
    }
    let max = -Infinity;
    let likeliest = this.#maskId;
    let id = 0;
    for (;;) {
      // Four at once until one of them is above all before it, or NaN.
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

/** The noise of each of the first `count` ids, all at once where the source can. */
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
