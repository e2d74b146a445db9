/** Where labels go so that they do not touch, and which points of two charts belong together. */
import type { Point } from "./series.ts";

/**
 * @param wanted places, in pixels.
 * @returns places in the same order, at least `gap` apart and within the bounds as far as there is room, each near where it was wanted.
 */
export function spread(
  wanted: readonly number[],
  gap: number,
  least: number,
  most: number,
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const places = [...wanted];
  // Clusters of labels that touch, each centred on what its members wanted, merged until none touch.
  const clusters: { members: number[]; top: number }[] = [];
  for (const i of order) {
    let cluster = { members: [i], top: clamp(wanted[i], least, most) };
    for (let above = clusters.at(-1); above !== undefined; above = clusters.at(-1)) {
      if (above.top + above.members.length * gap <= cluster.top) break;
      clusters.pop();
      const members = [...above.members, ...cluster.members];
      const mean = members.reduce((sum, m, k) => sum + wanted[m] - k * gap, 0) / members.length;
      cluster = { members, top: clamp(mean, least, most - (members.length - 1) * gap) };
    }
    clusters.push(cluster);
  }
  for (const { members, top } of clusters) {
    members.forEach((m, k) => {
      places[m] = top + k * gap;
    });
  }
  return places;
}

function clamp(x: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, x));
}

/** Points of the same number of steps. */
export function besideSteps(
  across: readonly Point[],
  up: readonly Point[],
): { readonly across: Point; readonly up: Point }[] {
  return up.flatMap((one) => {
    const partner = across.find(({ steps }) => steps === one.steps);
    return partner === undefined ? [] : [{ across: partner, up: one }];
  });
}
