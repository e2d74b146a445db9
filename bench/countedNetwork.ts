/**
 * A network without weights whose rows depend on their neighbours as those of a trained one do: it was counted, not
 * trained. A row is the log-linear mixture of how often each token occurs in a text, and how often it stands at its
 * distance from each of the nearest revealed tokens on both sides. It takes a few microseconds a row.
 */
import type { Denoiser, TokenId } from "remdm/sampler";

/** Where the neighbours stand that count. */
const DISTANCES = [-4, -3, -2, -1, 1, 2, 3, 4];
/** What a neighbour counts, by its distance: the nearer, the more. */
const WEIGHTS = [0, 1, 0.6, 0.4, 0.3];
/** Added to every count of a pair. */
const SMOOTHING = 0.02;

/**
 * @param text token ids.
 * @param words how many tokens the network has, the most frequent of the text; the others are left out of it.
 * @param length of the longest sequence.
 */
export function countedNetwork(text: readonly TokenId[], words: number, length: number): Denoiser {
  const frequencies = new Map<TokenId, number>();
  for (const token of text) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
  const frequent = [...frequencies].sort((a, b) => b[1] - a[1]).slice(0, words);
  const idOf = new Map(frequent.map(([token], id) => [token, id]));
  const tokens = text.flatMap((token) => idOf.get(token) ?? []);
  const vocabSize = words + 1;
  const maskId = words;
  const single = new Float64Array(vocabSize);
  for (const token of tokens) single[token]++;
  const unigram = Float32Array.from(single, (count) => Math.log((count + 0.1) / tokens.length));
  unigram[maskId] = 0;
  /** By distance, [V, V]: log of how much oftener than by chance a token stands there, by neighbour. */
  const lifts = DISTANCES.map((distance) => {
    const counts = new Float32Array(vocabSize * vocabSize);
    for (let at = Math.max(0, -distance); at < tokens.length - Math.max(0, distance); at++) {
      counts[tokens[at + distance] * vocabSize + tokens[at]]++;
    }
    const weight = WEIGHTS[Math.abs(distance)];
    return counts.map((count, i) => {
      const [neighbour, token] = [Math.floor(i / vocabSize), i % vocabSize];
      const expected = (single[token] * single[neighbour]) / tokens.length;
      return weight * Math.log((count + SMOOTHING) / (expected + SMOOTHING));
    });
  });
  const fill = (row: Float32Array, sequence: Int32Array, position: number): void => {
    row.set(unigram);
    DISTANCES.forEach((distance, d) => {
      const neighbour = sequence.at(position + distance);
      if (neighbour === undefined || position + distance < 0 || neighbour === maskId) return;
      const lift = lifts[d].subarray(neighbour * vocabSize, (neighbour + 1) * vocabSize);
      for (let id = 0; id < vocabSize; id++) row[id] += lift[id];
    });
  };
  return {
    model: { vocabSize, maskId, length, timeConditioning: false },
    forward: ({ length: L, tokens: sequences, rows }) => {
      const logits = new Float32Array(rows.length * vocabSize);
      rows.forEach((at, n) => {
        const b = Math.floor(at / L);
        const row = logits.subarray(n * vocabSize, (n + 1) * vocabSize);
        fill(row, sequences.subarray(b * L, (b + 1) * L), at - b * L);
      });
      return Promise.resolve(logits);
    },
  };
}
