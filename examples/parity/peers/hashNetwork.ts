/**
 * `HashNetwork` is a network of 32-bit integer arithmetic, the same bit for bit in any language. A
 * row depends on every token of its sequence, so a token that differs anywhere changes every row
 * from there on. The published samplers were recorded on its Python twin,
 * `hash_network.py`.
 */
import type {
  Denoiser,
  DenoiserModel,
  ForwardRequest,
  StatisticsRequest,
  TokenId,
} from "remdm/sampler";
import { statisticsOf } from "./rowStatistics.ts";

const { imul } = Math;

/**
 * Column of the mask: its probability is exactly 0 in float32 and float64, and guidance, which
 * subtracts logits, makes no NaN of it.
 */
export const MASK_LOGIT = -1024;

export interface HashNetworkOptions {
  readonly vocabSize: number;
  readonly maskId: TokenId;
  /** L, in tokens. */
  readonly length: number;
  /** A power of two: the logits lie in [-4 sharpness, 4 sharpness). Default 1. */
  readonly sharpness?: number;
}

export class HashNetwork implements Denoiser {
  readonly model: DenoiserModel;
  /** What was asked, in order. */
  readonly requests: ForwardRequest[] = [];
  readonly #options: HashNetworkOptions;

  constructor(options: HashNetworkOptions) {
    const { vocabSize, maskId, length } = options;
    this.model = { vocabSize, maskId, length, timeConditioning: false };
    this.#options = options;
  }

  /** Answers with the logits of any rows, revealed ones too. */
  async forward(request: ForwardRequest): Promise<Float32Array> {
    const { length, tokens, rows } = request;
    const copy = { ...request, tokens: tokens.slice(), rows: rows.slice() };
    this.requests.push(copy);
    const { vocabSize } = this.model;
    const answer = new Float32Array(rows.length * vocabSize);
    rows.forEach((row, n) => {
      const b = Math.floor(row / length);
      const key = sequenceKey(tokens.subarray(b * length, (b + 1) * length));
      answer.set(hashRow(this.#options, key, row % length), n * vocabSize);
    });
    return answer;
  }

  async statistics(request: StatisticsRequest): Promise<Float32Array> {
    const { statistics, given } = request;
    return statisticsOf(statistics, await this.forward(request), this.model, given);
  }
}

/**
 * Computes one row of the network.
 * @param key of the sequence, by {@link sequenceKey}.
 * @returns [V] logits.
 */
export function hashRow(
  { vocabSize, maskId, sharpness = 1 }: Omit<HashNetworkOptions, "length">,
  key: number,
  position: number,
): Float32Array {
  const logit = (_: unknown, column: TokenId) => sharpness * hashLogit(key, position, column);
  const row = Float32Array.from({ length: vocabSize }, logit);
  row[maskId] = MASK_LOGIT;
  return row;
}

/** Hashes a sequence by FNV-1a, a word a token. */
export function sequenceKey(tokens: ArrayLike<TokenId>): number {
  let key = 2166136261;
  for (let i = 0; i < tokens.length; i++) key = imul(key ^ tokens[i], 16777619);
  return key;
}

/**
 * Mixes the key of a sequence with the position and the column, through the finalizer `lowbias32`.
 * @returns a multiple of 2^-17 in [-4, 4), exact in float32.
 */
export function hashLogit(key: number, position: number, column: TokenId): number {
  let z = key ^ imul(position, 0x9e3779b1) ^ imul(column, 0x85ebca6b);
  z = imul(z ^ (z >>> 16), 0x7feb352d);
  z = imul(z ^ (z >>> 15), 0x846ca68b);
  z ^= z >>> 16;
  return ((z >>> 12) - 2 ** 19) / 2 ** 17;
}
