/** A `RowTask` is one row that is to become a token, wherever it is drawn: here or in a worker. */
import type { NoiseSource } from "./noise.ts";
import type { RacedDraw, RowAddress } from "./rowAddress.ts";
import type { RowSampler } from "./rowSampler.ts";
import type { TopRow } from "./topRow.ts";

export interface RowTask {
  /** A whole row, [V] logits, or its top. */
  readonly row: Float32Array | TopRow;
  readonly at: RowAddress;
  /** Takes the likeliest token instead of drawing. */
  readonly likeliest: boolean;
}

/** Tells a whole row from a top row, also one that was made in another realm or is shared. */
export function isWhole(row: Float32Array | TopRow): row is Float32Array {
  return ArrayBuffer.isView(row);
}

/** Draws the token of a task. @throws RemdmError `denoiser_invalid` as {@link RowSampler}. */
export function drawTask(
  sampler: RowSampler,
  { row, at, likeliest }: RowTask,
  noise: NoiseSource,
): RacedDraw {
  if (isWhole(row)) return likeliest ? sampler.argmax(row, at) : sampler.draw(row, at, noise);
  return likeliest ? sampler.argmaxTop(row, at) : sampler.drawTop(row, at, noise);
}

/** Returns how many tokens a row lists, by which its work is counted. */
export function tokensOf({ row }: Pick<RowTask, "row">): number {
  return isWhole(row) ? row.length : row.logits.length;
}
