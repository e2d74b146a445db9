/**
 * Entropy says how varied a sequence is. Original: `entropies` in `main.py`, `generate_samples`.
 */

/**
 * Computes the entropy of the histogram of a sequence's own tokens: -sum p log p, where p is the
 * share of each token in it.
 * @param tokens [L] token ids.
 * @returns nats, from 0 (one token throughout) to log L (all different); 0 for an empty sequence.
 */
export function tokenEntropy(tokens: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (let i = 0; i < tokens.length; i++) {
    counts.set(tokens[i], (counts.get(tokens[i]) ?? 0) + 1);
  }
  let entropy = 0;
  for (const count of counts.values()) {
    const share = count / tokens.length;
    entropy -= share * Math.log(share);
  }
  return entropy;
}
