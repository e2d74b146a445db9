/** Samples that are there twice. */

/** @returns the share of texts that equal an earlier one, in [0, 1); 0 for no texts. */
export function duplicateShare(texts: readonly string[]): number {
  return texts.length === 0 ? 0 : (texts.length - new Set(texts).size) / texts.length;
}
