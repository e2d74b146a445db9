/** Logits to draw rows from. */
import fc from "fast-check";

/** On a grid: weights are equal or far from equal, and never apart in their last bits alone. */
export function logitGrid(steps: number, spread: number): fc.Arbitrary<number> {
  return fc.integer({ min: -steps, max: steps }).map((i) => (i * spread) / steps);
}
