/** The statistics of rows, each straight from its definition in doubles. */
import type { StatisticName, TokenId } from "remdm/sampler";

/**
 * @param row [V] logits.
 * @param given the token that the statistic `given` is about.
 */
export function statisticOf(
  name: StatisticName,
  row: Float32Array,
  maskId: TokenId,
  given?: TokenId,
): number {
  const others = [...row.keys()].filter((token) => token !== maskId);
  const sum = others.reduce((total, token) => total + Math.exp(row[token]), 0);
  const logs = others.map((token) => row[token] - Math.log(sum));
  const ordered = [...logs].sort((a, b) => b - a);
  switch (name) {
    case "logMass":
      return Math.log(sum);
    case "maskLogit":
      return row[maskId];
    case "max":
      return ordered[0];
    case "argmax":
      return others[logs.indexOf(ordered[0])];
    case "second":
      return ordered[1] ?? -Infinity;
    case "entropy":
      return logs.reduce((total, log) => total - (log > -Infinity ? Math.exp(log) * log : 0), 0);
    case "given":
      if (given === undefined) throw new Error("no token is given");
      return given === maskId ? -Infinity : row[given] - Math.log(sum);
  }
}

/**
 * @param rows [N, V] logits.
 * @returns [N, k], as a denoiser answers.
 */
export function statisticsOf(
  names: readonly StatisticName[],
  rows: Float32Array,
  { vocabSize, maskId }: { readonly vocabSize: number; readonly maskId: TokenId },
  given?: ArrayLike<TokenId>,
): Float32Array {
  return Float32Array.from({ length: (rows.length / vocabSize) * names.length }, (_, i) => {
    const n = Math.floor(i / names.length);
    const row = rows.subarray(n * vocabSize, (n + 1) * vocabSize);
    return statisticOf(names[i % names.length], row, maskId, given?.[n]);
  });
}
