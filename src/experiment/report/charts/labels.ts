/** Places labels so that they do not touch, and pairs points of two measures. In pixels. */
import type { Point } from "./series.ts";

/**
 * Spreads labels in one dimension.
 * @param wanted places.
 * @returns places in the same order, near the wanted ones, at least `gap` apart, and within the
 *   bounds as far as there is room.
 */
export function spread(
  wanted: readonly number[],
  gap: number,
  least: number,
  most: number,
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const places = [...wanted];
  // Clusters of labels that touch, each centred on its members' wishes, merged while two touch.
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

/** Width of a letter or digit, about, as a part of the type size. */
const LETTER = 0.6;

/** Estimates the width of a text. */
export function widthOf(text: string, fontSize: number): number {
  return text.length * LETTER * fontSize;
}

/**
 * Keeps the labels of a row that have room: each that does not touch the one before it, and the
 * last in any case.
 */
export function roomy<T>(
  labels: readonly T[],
  placeOf: (label: T) => number,
  sizeOf: (label: T) => number,
  gap = 6,
): T[] {
  const touch = (a: T, b: T): boolean =>
    Math.abs(placeOf(a) - placeOf(b)) < (sizeOf(a) + sizeOf(b)) / 2 + gap;
  const kept: T[] = [];
  labels.forEach((label, i) => {
    // The last label counts more than the labels in its way.
    if (i === labels.length - 1)
      while (kept.length > 0 && touch(kept[kept.length - 1], label)) kept.pop();
    if (kept.length === 0 || !touch(kept[kept.length - 1], label)) kept.push(label);
  });
  return kept;
}

/** A rectangle by its middle and its size. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Tells whether two boxes overlap. */
export function overlaps(a: Box, b: Box): boolean {
  return (
    Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2
  );
}

/** Distances of a label from its point, and clockwise directions from above, in order of trial. */
const RADII = [11, 17, 24, 32, 42, 54, 68];
const DIRECTIONS = [0, 2, 6, 4, 1, 7, 3, 5].map((eighth) => (eighth * Math.PI) / 4);

/**
 * Places labels beside points: each above its point, or else at the nearest place around it where
 * it touches no other label, no obstacle and no edge.
 * @param points in the order in which they may choose.
 * @returns a box for each point, undefined where there is no room.
 */
export function besidePoints(
  points: readonly Box[],
  obstacles: readonly Box[],
  bounds: Box,
): (Box | undefined)[] {
  const taken = [...obstacles];
  const isFree = (box: Box): boolean =>
    Math.abs(box.x - bounds.x) + box.width / 2 <= bounds.width / 2 &&
    Math.abs(box.y - bounds.y) + box.height / 2 <= bounds.height / 2 &&
    !taken.some((other) => overlaps(box, other));
  return points.map((point) => {
    for (const radius of RADII) {
      for (const direction of DIRECTIONS) {
        const beside = (Math.sin(direction) * (point.width - point.height)) / 2;
        const x = point.x + Math.sin(direction) * radius + beside;
        const box = { ...point, x, y: point.y - Math.cos(direction) * radius };
        if (!isFree(box)) continue;
        taken.push(box);
        return box;
      }
    }
    return undefined;
  });
}

/** Pairs the points that have the same number of steps. */
export function besideSteps(
  across: readonly Point[],
  up: readonly Point[],
): { readonly across: Point; readonly up: Point }[] {
  return up.flatMap((one) => {
    const partner = across.find(({ steps }) => steps === one.steps);
    return partner === undefined ? [] : [{ across: partner, up: one }];
  });
}
