/**
 * A network without weights whose rows depend on their neighbours as those of a trained one do: it was counted, not
 * trained. A row is the log-linear mixture of how often each token occurs in a text, and how often it stands at its
 * distance from each of the nearest revealed tokens on both sides. A row of neighbours that were asked about before is
 * not computed again, because it is a core of this machine that stands in for a device.
 */
import type { Denoiser, ForwardRequest, TokenId, TopRow } from "remdm/sampler";
import { topOf } from "./topOf.ts";

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
  const rowOf = (neighbours: readonly TokenId[]): Float32Array => {
    const row = unigram.slice();
    neighbours.forEach((neighbour, d) => {
      if (neighbour === maskId) return;
      const lift = lifts[d].subarray(neighbour * vocabSize, (neighbour + 1) * vocabSize);
      for (let id = 0; id < vocabSize; id++) row[id] += lift[id];
    });
    return row;
  };
  const known = new Map<string, Answer>();
  const answer = ({ length: L, tokens: sequences, rows }: ForwardRequest): Answer[] =>
    Array.from(rows, (at) => {
      const begin = at - (at % L);
      const neighbours = DISTANCES.map((distance) => {
        const isInside = Math.floor((at + distance) / L) * L === begin;
        return isInside ? sequences[at + distance] : maskId;
      });
      const key = neighbours.join();
      const before = known.get(key);
      if (before !== undefined) return before;
      const row = rowOf(neighbours);
      const made = { row, top: topOf(row.subarray(0, maskId), MASS) };
      known.set(key, made);
      return made;
    });
  return {
    model: { vocabSize, maskId, length, timeConditioning: false },
    forward: (request) => {
      const logits = new Float32Array(request.rows.length * vocabSize);
      answer(request).forEach(({ row }, n) => logits.set(row, n * vocabSize));
      return Promise.resolve(logits);
    },
    top: (request, { mass }) => {
      if (mass !== MASS) throw new Error(`only the nucleus of ${MASS} is made`);
      return Promise.resolve(answer(request).map(({ top }) => top));
    },
  };
}

/** What is answered about a position. */
interface Answer {
  readonly row: Float32Array;
  readonly top: TopRow;
}

/** Mass of the nucleus that is answered. */
const MASS = 0.9;
