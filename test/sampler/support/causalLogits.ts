/** Rows of a network that is causal over blocks: what stands right of a position's block changes nothing in its row. */
import type { Logits } from "./tableDenoiser.ts";

export function causalLogits(logits: Logits, blockLength: number): Logits {
  return (tokens, sigma, position) => {
    const end = (Math.floor(position / blockLength) + 1) * blockLength;
    return logits(Array.from(tokens).slice(0, end), sigma, position);
  };
}
