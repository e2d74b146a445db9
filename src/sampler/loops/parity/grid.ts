/** The times of the original's loops, with its float32 rounding. Original: `_sample`, `sample_subs_guidance`. */
import { T_MIN } from "../../schedule.ts";
import type { Strategy } from "../../strategy.ts";
import { dfmStepSize } from "../../strategies/dfm.ts";

/** One step. All three are float32 numbers. */
export interface DenseTime {
  readonly t: number;
  readonly dt: number;
  /** t - dt. */
  readonly s: number;
}

export interface DenseGrid {
  readonly steps: readonly DenseTime[];
  /** Time of the final noise removal. */
  readonly end: number;
}

/** @param steps as the caller asks for them. */
export function denseGrid(
  kind: Strategy["kind"],
  steps: number,
  semiAutoregressive: boolean,
): DenseGrid {
  if (kind === "dfm") return dfmGrid(steps);
  return semiAutoregressive ? windowGrid(steps) : evenGrid(steps);
}

/** `torch.linspace(1, eps, steps + 1)`, which goes from both ends to the middle, and one dt for all. */
function evenGrid(steps: number): DenseGrid {
  const dt = (1 - T_MIN) / steps;
  const width = Math.fround(Math.fround(Math.fround(T_MIN) - 1) / steps);
  const time = (i: number) =>
    Math.fround(
      i < Math.floor((steps + 1) / 2) ? 1 + width * i : Math.fround(T_MIN) - width * (steps - i),
    );
  return {
    steps: Array.from({ length: steps }, (_, i) => stepFrom(time(i), dt)),
    end: time(steps),
  };
}

/** `t = 1 - i dt` down to 0, and one step more. */
function windowGrid(steps: number): DenseGrid {
  const dt = 1 / steps;
  const grid = Array.from({ length: steps + 1 }, (_, i) => stepFrom(1 - i * dt, dt));
  return { steps: grid, end: 0 };
}

/** A time is held in float32 during its step, and the next one computed from that in doubles. */
function dfmGrid(steps: number): DenseGrid {
  const grid: DenseTime[] = [];
  const last = (1 - T_MIN) / steps;
  let timestep = 1;
  while (timestep > last) {
    const t = Math.fround(timestep);
    const dt = dfmStepSize(t, steps);
    grid.push(stepFrom(t, dt));
    timestep = t - dt;
  }
  return { steps: grid, end: Math.fround(timestep) };
}

function stepFrom(time: number, dt: number): DenseTime {
  const t = Math.fround(time);
  const width = Math.fround(dt);
  return { t, dt: width, s: Math.fround(t - width) };
}
