/**
 * Lays out the linear memory of one row sampler. Regions of a row are a little longer than the row,
 * so that vectors may reach past its end: there the logits are -Infinity and the weights 0.
 */

/** How many numbers a region has beyond the row. */
export const SPARE: u32 = 16;

/** [1024] f64, filled by the host: 2^(-j / 1024). */
export const FRACTIONS: usize = 0;
/** [1024] f64: the mass of each bucket of a sample. */
export const BUCKETS: usize = 0x2000;
/** [256] f64: the mass of each part of a bracket. */
export const PARTS: usize = 0x4000;
/** [4, 4] u32: four Philox blocks, word by word. */
export const WORDS: usize = 0x4800;
const HELD: usize = 0x4840;
/** [V] f32, filled by the host. */
export const ROW: usize = 0x5000;

/** [V] f64. */
export let weights: usize = 0;
/**
 * [V] f64: the contested weights of a selection; then, for the tokens of a top row, weights by id.
 */
export let spread: usize = 0;
/** [V] i32: the ids of a top row, filled by the host; then the Philox blocks of the nucleus. */
export let list: usize = 0;

/** Takes the memory for rows of V columns. @returns whether there was enough. */
export function reserve(vocabSize: u32): bool {
  const length = <usize>((vocabSize + SPARE) & ~1);
  weights = ROW + ((4 * length + 15) & ~15);
  spread = weights + 8 * length;
  list = spread + 8 * length;
  const pages = <i32>((list + 4 * length + 0xffff) >> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

/**
 * Returns the same vector, but out of memory. V8 makes a constant anew at each use in a loop, in
 * three instructions, and keeps a value in a register that it cannot know to be constant.
 */
export function held(constant: v128): v128 {
  v128.store(HELD, constant);
  return v128.load(HELD);
}
