/**
 * Keeps the confidences of ReMDM-conf as the original does: conf = -psi in the network's dtype,
 * -Infinity at masks.
 */
import type { Precision } from "./precision.ts";

export class ParityConfidence {
  /**
   * [L]. The original's tensor is bfloat16 from the start; a float32 network cannot write to it,
   * and the original raises an error there.
   */
  readonly values: Float32Array;
  readonly #precision: Precision;

  constructor(length: number, precision: Precision) {
    this.values = new Float32Array(length);
    this.#precision = precision;
    this.reset();
  }

  /** Forgets every token, because a run, or a window of it, begins. */
  reset(): void {
    this.values.fill(-Infinity);
  }

  /**
   * Returns softmax(conf), rounded; NaN at every position while all are masked, when it is not
   * used.
   */
  shares(): (position: number) => number {
    const { round } = this.#precision;
    const max = this.values.reduce((most, value) => Math.max(most, value), -Infinity);
    const weights = this.values.map((value) => Math.exp(value - max));
    const total = Math.fround(weights.reduce((sum, weight) => sum + weight, 0));
    return (position) => round(weights[position] / total);
  }
}
