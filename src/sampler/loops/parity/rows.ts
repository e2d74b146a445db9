/**
 * Asks for the rows of a whole batch, in portions that are not too large: of one forward, if the
 * denoiser caches.
 */
import { invalidRow } from "../../draw/rowSampler.ts";
import type { Denoiser, ForwardRequest } from "../../denoiser.ts";
import { ask, MAX_LOGITS, stack } from "../question.ts";

export interface BatchQuestion {
  /** B sequences of L tokens. */
  readonly sequences: readonly Int32Array[];
  /** The noise level of all sequences; float32. */
  readonly sigma: number;
  /** Tells whether the row of this token, at this position, is asked for. */
  readonly asks: (token: number, position: number) => boolean;
  /** Puts into a request what the run wants of every row. Default: nothing. */
  readonly adjust?: (request: ForwardRequest) => ForwardRequest;
  /** Name for the denoiser's cache; used where it spares something. */
  readonly cache: number;
  readonly signal: AbortSignal | undefined;
  /** Number of the first sequence, and the step, for errors. */
  readonly sample: number;
  readonly step: number;
}

/** A row of logits, and what a step makes of it in place. */
export interface ParityRow {
  /** [V] */
  readonly values: Float32Array;
  /**
   * Once they are weights: what their sum over all tokens except the mask would be without the
   * nucleus.
   */
  mass: number;
}

/** The positions of a sequence that were asked for, with their rows. */
export type RowsOfSequence = Map<number, ParityRow>;

/** Asks for the rows. @returns [B] the rows of each sequence; they belong to the caller. */
export async function askRows(
  denoiser: Denoiser,
  question: BatchQuestion,
): Promise<RowsOfSequence[]> {
  const { sequences, asks, adjust = (request: ForwardRequest) => request, cache } = question;
  const { vocabSize } = denoiser.model;
  const { length } = sequences[0];
  const wanted: number[] = [];
  sequences.forEach((sequence, b) => {
    sequence.forEach((token, position) => {
      if (asks(token, position)) wanted.push(b * length + position);
    });
  });
  const portion = Math.max(1, Math.floor(MAX_LOGITS / vocabSize));
  const answer = sequences.map((): RowsOfSequence => new Map());
  // At least one call is made: the original calls its network in every step, whether or not
  // anything is masked.
  for (let begin = 0; begin === 0 || begin < wanted.length; begin += portion) {
    const rows = Int32Array.from(wanted.slice(begin, begin + portion));
    const isUsed = wanted.length > portion || denoiser.model.blockLength !== undefined;
    const kept = isUsed ? { cache } : {};
    const request = adjust({ ...batchOf(question), rows, ...kept });
    const logits = await ask(denoiser, request, question.signal);
    rows.forEach((at, i) => {
      const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
      const [b, position] = [Math.floor(at / length), at % length];
      checkRow(row, { sample: question.sample + b, step: question.step, position });
      answer[b].set(position, { values: row, mass: NaN });
    });
  }
  return answer;
}

function batchOf({ sequences, sigma }: BatchQuestion): Omit<ForwardRequest, "rows" | "cache"> {
  const batch = sequences.length;
  const { length } = sequences[0];
  return { batch, length, tokens: stack(sequences), sigma: new Float32Array(batch).fill(sigma) };
}

function checkRow(row: Float32Array, at: { sample: number; step: number; position: number }): void {
  const bad = row.find((logit) => !(logit < Infinity));
  if (bad !== undefined) throw invalidRow(at, `holds ${bad}`);
}
