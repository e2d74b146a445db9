/**
 * Draws the noise of a whole row at once: in every step the original draws a [B, L, V] block of
 * doubles, row by row.
 */
import type { NoiseSource } from "../../draw/noise.ts";
import type { TorchGenerator } from "./torchGenerator.ts";

/** Writes [V] uniforms in [0, 1) for one position to `out`; called in the order of the block. */
export type RowNoise = (out: Float64Array, sample: number, step: number, position: number) => void;

export function torchRows(generator: TorchGenerator): RowNoise {
  return (out) => {
    for (let v = 0; v < out.length; v++) out[v] = generator.float64();
  };
}

/** Takes each number from its own address, so a sample does not depend on its batch. */
export function addressedRows(noise: NoiseSource): RowNoise {
  return (out, sample, step, position) => {
    for (let v = 0; v < out.length; v++) out[v] = noise.token(sample, step, position, v);
  };
}
