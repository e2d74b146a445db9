/**
 * A network small enough to be written down: its rows depend on the whole sequence, on the position and on sigma, in a
 * way that has no pattern. It checks every request, and remembers it.
 */
import type {
  Denoiser,
  DenoiserModel,
  ForwardRequest,
  StatisticsRequest,
  TokenId,
} from "../../../src/sampler/index.ts";
import { statisticsOf } from "../../../examples/parity/peers/rowStatistics.ts";

const { imul } = Math;

/** Three tokens, and a mask that is neither the first nor the last column. */
export const MASK: TokenId = 1;
export const VOCAB_SIZE = 4;

export type Logits = (tokens: ArrayLike<number>, sigma: number, position: number) => Float32Array;

/** The rows of the table. The mask's column is large: whoever forgets to leave it out is found out. */
export const tableLogits: Logits = (tokens, sigma, position) =>
  Float32Array.from({ length: VOCAB_SIZE }, (_, token) => {
    if (token === MASK) return 3;
    let key = position * VOCAB_SIZE + token;
    for (let i = 0; i < tokens.length; i++) key = key * VOCAB_SIZE + tokens[i];
    return 3 * (scatter(key) - 0.5) + 0.5 * sigma * (scatter(key + 0x10000) - 0.5);
  });

/**
 * Rows as {@link tableLogits} has them, for sequences of any length: its key has room for fewer than 16 tokens, and
 * rows of more would depend on the last 16 alone.
 */
export const longLogits: Logits = (tokens, sigma, position) => {
  let key = position;
  for (let i = 0; i < tokens.length; i++) key = imul(key ^ (tokens[i] + 1), 0x01000193) + i;
  return tableLogits([], sigma, key >>> 8);
};

/** Confidence matters here: position 0 is a guess, so its psi is about 1/3, the others are almost certain. */
export const unevenLogits: Logits = (tokens, sigma, position) =>
  tableLogits(tokens, sigma, position).map((logit) => logit * (position === 0 ? 0.1 : 4));

export class TableDenoiser implements Denoiser {
  readonly model: DenoiserModel;
  readonly requests: ForwardRequest[] = [];
  readonly #logits: Logits;
  readonly #tellsRevealed: boolean;

  /** @param tellsRevealed whether rows of revealed positions may be asked for. */
  constructor(
    length: number,
    model: Partial<DenoiserModel> = {},
    logits: Logits = tableLogits,
    tellsRevealed = model.kind === "d3pm" || model.kind === "ar",
  ) {
    this.model = {
      vocabSize: VOCAB_SIZE,
      maskId: MASK,
      length,
      timeConditioning: true,
      ...model,
    };
    this.#logits = logits;
    this.#tellsRevealed = tellsRevealed;
  }

  async forward(request: ForwardRequest): Promise<Float32Array> {
    const { length, tokens, sigma, rows, banned, guidance } = request;
    checkRequest(request, this.model, this.#tellsRevealed);
    this.requests.push(request);
    const { vocabSize } = this.model;
    const answer = new Float32Array(rows.length * vocabSize);
    rows.forEach((row, n) => {
      const b = Math.floor(row / length);
      const sequence = tokens.subarray(b * length, (b + 1) * length);
      const masked = Array.from(guidance?.masked ?? [])
        .filter((at) => Math.floor(at / length) === b)
        .map((at) => at % length);
      const logits = guidedLogits(this.#logits, guidance?.scale ?? 0, masked, this.model.maskId);
      const values = logits(sequence, sigma[b], row % length);
      banned?.forEach((token) => (values[token] = -Infinity));
      answer.set(values, n * vocabSize);
    });
    return answer;
  }

  /** Of the same rows; counted among the requests as any other. */
  async statistics(request: StatisticsRequest): Promise<Float32Array> {
    const { statistics, given } = request;
    return statisticsOf(statistics, await this.forward(request), this.model, given);
  }
}

/**
 * A table that is guided by hand: rows become l_u + (scale + 1) (l_c - l_u), rounded to float32 after each operation.
 * @param masked the positions that l_u sees as masks.
 */
export function guidedLogits(
  logits: Logits,
  scale: number,
  masked: readonly number[],
  maskId: TokenId = MASK,
): Logits {
  const { fround } = Math;
  return (tokens, sigma, position) => {
    const certain = logits(tokens, sigma, position);
    if (scale === 0) return certain;
    const hidden = Int32Array.from(tokens);
    for (const at of masked) hidden[at] = maskId;
    const free = logits(hidden, sigma, position);
    return certain.map((logit, v) => {
      if (logit === -Infinity || free[v] === -Infinity) return -Infinity;
      return free[v] + fround(fround(scale + 1) * fround(logit - free[v]));
    });
  };
}

function checkAdjustments({ banned, guidance, tokens }: ForwardRequest, model: DenoiserModel) {
  const ascends = (ids: Int32Array, limit: number) =>
    ids.every((id, n) => id > (n === 0 ? -1 : ids[n - 1]) && id < limit);
  if (banned?.length === 0 || !ascends(banned ?? new Int32Array(0), model.vocabSize)) {
    throw new Error("the banned tokens are not ascending ids");
  }
  if (guidance !== undefined && !ascends(guidance.masked, tokens.length)) {
    throw new Error("the masked positions are not ascending ones");
  }
}

function checkRequest(request: ForwardRequest, model: DenoiserModel, tellsRevealed: boolean) {
  const { batch, length, tokens, sigma, rows } = request;
  checkAdjustments(request, model);
  if (tokens.length !== batch * length) throw new Error("tokens are not [B, L]");
  if (sigma.length !== batch) throw new Error("sigma is not [B]");
  rows.forEach((row, n) => {
    if (n > 0 && row <= rows[n - 1]) throw new Error("rows do not ascend");
    if (row < 0 || row >= tokens.length) throw new Error("a row is out of range");
    if (!tellsRevealed && tokens[row] !== model.maskId) {
      throw new Error("a row that is not masked is asked for");
    }
  });
}

/** An integer hash to [0, 1) (the finalizer of MurmurHash3). */
function scatter(key: number): number {
  let h = imul(key + 1, 0x9e3779b1);
  h = imul(h ^ (h >>> 16), 0x85ebca6b);
  h = imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
