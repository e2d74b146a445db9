/**
 * Computes the times of the original's loops, with its float32 rounding. Original: `_sample`,
 * `sample_subs_guidance`.
 */
import { T_MIN } from "../../schedule.ts";

/** The times of one step, all float32 numbers. */
export interface ParityTime {
  readonly t: number;
  readonly dt: number;
  /** t - dt. */
  readonly s: number;
}

export interface ParityGrid {
  readonly steps: readonly ParityTime[];
  /** Time of the final noise removal. */
  readonly end: number;
}

/**
 * Computes `torch.linspace(1, end, steps + 1)`, which goes from both ends to the middle.
 * @returns the function that gives time i, float32.
 */
export function linspace(end: number, steps: number): (i: number) => number {
  const last = Math.fround(end);
  const width = Math.fround(Math.fround(last - 1) / steps);
  return (i) => {
    const fromBegin = i < Math.floor((steps + 1) / 2);
    return Math.fround(fromBegin ? 1 + width * i : last - width * (steps - i));
  };
}

/** Computes times that are even, and one dt for all steps. */
export function evenGrid(steps: number): ParityGrid {
  const dt = (1 - T_MIN) / steps;
  const time = linspace(T_MIN, steps);
  return {
    steps: Array.from({ length: steps }, (_, i) => stepFrom(time(i), dt)),
    end: time(steps),
  };
}

/** Computes `t = 1 - i dt` down to 0, and one step more. */
export function windowGrid(steps: number): ParityGrid {
  const dt = 1 / steps;
  const grid = Array.from({ length: steps + 1 }, (_, i) => stepFrom(1 - i * dt, dt));
  return { steps: grid, end: 0 };
}

export function stepFrom(time: number, dt: number): ParityTime {
  const t = Math.fround(time);
  const width = Math.fround(dt);
  return { t, dt: width, s: Math.fround(t - width) };
}
