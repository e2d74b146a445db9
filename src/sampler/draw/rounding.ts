/** Rounds to bfloat16, whose numbers are held as doubles. `Math.fround` rounds to float32. */
const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** Keeps the upper half of a float32's bits; PyTorch goes through float32 too. */
export function roundToBfloat16(x: number): number {
  FLOAT[0] = x;
  if (Number.isNaN(x)) return x;
  const bits = BITS[0];
  BITS[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return FLOAT[0];
}
