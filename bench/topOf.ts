import type { TopRow } from "remdm/sampler";

/**
 * Returns what a backend would send of a row.
 * @param row without the mask's column.
 * @param mass of the nucleus, in (0, 1).
 */
export function topOf(row: Float32Array, mass: number): TopRow {
  const order = Array.from(row.keys()).sort((a, b) => row[b] - row[a]);
  const weights = order.map((id) => Math.exp(row[id] - row[order[0]]));
  const total = weights.reduce((sum, weight) => sum + weight);
  let sum = 0;
  const count = weights.findIndex((weight) => (sum += weight) > mass * total) + 1;
  const ids = Int32Array.from(order.slice(0, count)).sort();
  const logits = Float32Array.from(ids, (id) => row[id]);
  return { ids, logits, rest: total - sum, logMass: row[order[0]] + Math.log(total) };
}
