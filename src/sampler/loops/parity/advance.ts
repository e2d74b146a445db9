/** Takes one sequence through one step, and through the final noise removal. */
import type { Draw } from "../../draw/rowSampler.ts";
import type { Pace } from "../../../foundation/pace.ts";
import type { ParityConfidence } from "./confidence.ts";
import { chanceOf, drawKept, drawWeighted } from "./draw.ts";
import type { ParityTime } from "./grid.ts";
import type { ParityRow, RowsOfSequence } from "./rows.ts";
import type { ParityUpdate } from "./update.ts";

/** The state of a sequence before a step. */
export interface SequenceState {
  /** [L] */
  readonly tokens: Int32Array;
  /** Positions that may change. */
  readonly free: Int32Array;
  readonly confidence: ParityConfidence;
}

/** The result of a step on a sequence. */
export interface Advance {
  /** [L] the token that every position holds next. */
  readonly tokens: Int32Array;
  /** [L] where a token came: its probability, given that one comes; 1 where nothing was drawn. */
  readonly probabilities: Float64Array;
  /** [L] where a token came: the log of its probability in the whole row. */
  readonly logProbabilities: Float64Array;
}

/**
 * Writes the [V] uniforms of one position; called for every position in order, even if not needed.
 */
export type PositionNoise = (out: Float64Array, position: number) => void;

/**
 * Takes one step.
 * @param rows of the masked positions, as `update.read` left them.
 * @returns what comes; `state.confidence` is brought up to date.
 */
export async function advance(
  update: ParityUpdate,
  state: SequenceState,
  rows: RowsOfSequence,
  time: ParityTime,
  noise: PositionNoise,
  pace: Pace,
): Promise<Advance> {
  const { maskId, vocabSize } = update.model;
  const { tokens, confidence } = state;
  const weights = update.weights(time, confidence);
  const uniforms = new Float64Array(vocabSize);
  const q = new Float64Array(vocabSize);
  const free = new Set(state.free);
  const next = tokens.slice();
  const probabilities = new Float64Array(tokens.length);
  const logProbabilities = new Float64Array(tokens.length);
  for (const [position, token] of tokens.entries()) {
    if (pace.spend(vocabSize)) await pace.rest();
    noise(uniforms, position);
    if (!free.has(position)) continue;
    const row = rows.get(position);
    if (row !== undefined) {
      update.weigh(row.values, weights, time, q);
      next[position] = drawWeighted(q, uniforms);
      if (next[position] === maskId) continue;
      confidence.values[position] = -row.values[next[position]];
      probabilities[position] = chanceOf(next[position], q, maskId);
      logProbabilities[position] = update.logProbability(row, next[position]);
    } else if (weights?.revealed !== undefined) {
      next[position] = drawKept(token, maskId, weights.revealed(position), uniforms);
      if (next[position] === maskId) confidence.values[position] = -Infinity;
    }
  }
  return { tokens: next, probabilities, logProbabilities };
}

/**
 * Takes the last step: every row gives its likeliest token, or under `analytic` a draw without the
 * mask.
 * @param rows raw logits.
 * @param end the time of the last step.
 */
export async function removeNoise(
  update: ParityUpdate,
  { tokens, free }: Pick<SequenceState, "tokens" | "free">,
  rows: RowsOfSequence,
  end: number,
  noise: PositionNoise,
  pace: Pace,
): Promise<Advance> {
  const { vocabSize, maskId } = update.model;
  const uniforms = new Float64Array(vocabSize);
  const q = new Float64Array(vocabSize);
  const movable = new Set(free);
  const draws = update.form.kind === "scores";
  const choose = (row: ParityRow): Draw => {
    if (!draws) return update.likeliest(row.values);
    update.weighRemoval(row, end, q);
    const token = drawWeighted(q, uniforms);
    const logProbability = update.logProbability(row, token);
    return { token, probability: chanceOf(token, q, maskId), logProbability };
  };
  const next = tokens.slice();
  const probabilities = new Float64Array(tokens.length);
  const logProbabilities = new Float64Array(tokens.length);
  for (const position of tokens.keys()) {
    if (pace.spend(vocabSize)) await pace.rest();
    if (draws) noise(uniforms, position);
    const row = rows.get(position);
    if (row === undefined || !movable.has(position)) continue;
    const { token, probability, logProbability } = choose(row);
    next[position] = token;
    probabilities[position] = probability;
    logProbabilities[position] = logProbability;
  }
  return { tokens: next, probabilities, logProbabilities };
}
