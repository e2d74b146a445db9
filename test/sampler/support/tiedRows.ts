/** Rows in which probabilities tie, as the tests of orders use them. */
import { roundToBfloat16 } from "../../../src/sampler/draw/rounding.ts";

/** Park and Miller's generator: [0, 1). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** Logits as a network gives them under bfloat16: few distinct values, many ties. */
export function bfloat16Logits(size: number, seed: number): Float32Array {
  const uniform = generator(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float32Array.from({ length: size }, () => roundToBfloat16(normal() / 2));
}

/** Probabilities that they have in bfloat16. */
export function bfloat16Softmax(size: number, seed: number): Float32Array {
  const weights = bfloat16Logits(size, seed).map(Math.exp);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => roundToBfloat16(weight / total));
}

/**
 * Each division of a quicksort whose pivot is the median of the second, the middle and the last number cuts two numbers
 * off, until its depth is spent on equal numbers: what is left is for the heapsort.
 */
export function quicksortKiller(size: number): Float32Array {
  const depth = 2 * Math.floor(Math.log2(size));
  const row = new Float32Array(size);
  for (let k = 0; k < depth; k++) {
    row[2 * k + 1] = 2 * (depth - k) + 1;
    row[2 * k] = 2 * (depth - k - 1);
  }
  row[size - 1] = 2 * depth;
  return row;
}
