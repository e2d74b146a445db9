/**
 * Rounds where the original rounds. A tensor's elements are of its dtype after every operation; a
 * Python number is a double until it meets a tensor. PyTorch 2.13 was found by experiment to do
 * this on a CPU:
 * - a product or quotient of a bfloat16 tensor with a number takes the number as float32 and rounds
 *   the result;
 * - a number minus a tensor, and a comparison with a number, take the number in the tensor's dtype;
 * - `cumsum` of float32 accumulates in double, of bfloat16 in float32; both round each partial sum
 *   that they store.
 *
 * Sums and exponentials of PyTorch may differ from ours in the last bit, as they do between its own
 * CPUs.
 */

import { roundToBfloat16 } from "../../draw/rounding.ts";

/** Rounds a double to the nearest number of a dtype, ties to even. */
export type Round = (x: number) => number;

export interface Precision {
  readonly round: Round;
  /** Rounds the sums of `cumsum` on their way. */
  readonly accumulate: Round;
}

const exact: Round = (x) => x;

export const float32: Precision = { round: Math.fround, accumulate: exact };
export const bfloat16: Precision = { round: roundToBfloat16, accumulate: Math.fround };

export const float64: Precision = { round: exact, accumulate: exact };

export function precisionOf(dtype: "float32" | "bfloat16" | undefined): Precision {
  return dtype === "bfloat16" ? bfloat16 : float32;
}
