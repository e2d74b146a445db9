/** The rule of a nucleus said plainly, to hold the selection against: a full sort, token by token. */

export interface SortedNucleus {
  /** What it keeps, with the probabilities after that. */
  readonly kept: ReadonlyMap<number, number>;
  /** How near a cumulative probability comes to p: below some 10^-12 the last bits of a sum decide. */
  readonly margin: number;
}

/** @param maskId has no part in it. */
export function fullSort(
  row: Float32Array,
  maskId: number,
  topP: number,
  quirks: "original" | "paper" = "original",
): SortedNucleus {
  const ids = [...row.keys()].filter((id) => id !== maskId && row[id] > -Infinity);
  const max = ids.reduce((most, id) => Math.max(most, row[id]), -Infinity);
  const weights = new Float64Array(row.length);
  for (const id of ids) weights[id] = Math.exp(row[id] - max);
  const total = ids.reduce((sum, id) => sum + weights[id], 0);
  const sorted = ids.sort((v, w) => weights[w] - weights[v] || v - w);
  const result: number[] = [];
  let cumulative = 0;
  let margin = Infinity;
  let open = true;
  for (const id of sorted) {
    const before = cumulative;
    cumulative += weights[id] / total;
    margin = Math.min(margin, Math.abs(cumulative - topP));
    open &&= result.length === 0 || (quirks === "paper" ? before < topP : cumulative <= topP);
    if (open) result.push(id);
  }
  const mass = result.reduce((sum, id) => sum + weights[id], 0);
  return { kept: new Map(result.map((id) => [id, weights[id] / mass])), margin };
}
