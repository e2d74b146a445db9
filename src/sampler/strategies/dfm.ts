/**
 * `dfm` is the corrector of discrete flow matching (Gat et al., 2024, appendix D) with its
 * hard-coded schedule and its own time grid. Original: `dfm: true`, `_dfm_caching_update`. The
 * original raises an error without nucleus filtering; this one does not.
 */
import { defineStrategy, type Transition } from "../definition.ts";
import { stepFrom, type ParityGrid, type ParityTime } from "../loops/parity/grid.ts";
import type { Precision } from "../loops/parity/precision.ts";
import type { StepWeights } from "../loops/parity/form.ts";
import { ancestral } from "../loops/parity/weights.ts";
import { T_MIN } from "../schedule.ts";

export const dfm = defineStrategy({
  kind: "dfm",
  source: "Gat et al., 2024, appendix D; original: dfm true",
  summary: "discrete-flow-matching corrector on its own time grid",
  windows: false,
  times: dfmTimes,
  transition: (_, { t, s }) => dfmTransition(t, s),
  parity: {
    grid: dfmGrid,
    weights: (_, { t, s }, dtype) => (t === 1 ? ancestral(t, s) : flow(t, s, dtype)),
  },
});

/** Returns A and B, where A - 1 = B = 10 t^(1/4) (1 - t)^(1/4). */
export function corrector(t: number): { readonly a: number; readonly b: number } {
  const b = 10 * t ** 0.25 * (1 - t) ** 0.25;
  return { a: b + 1, b };
}

/**
 * Returns u = A (alphaS - alphaT) / (1 - alphaT) and r = B (alphaS / alphaT - 1), 0 at t = 1; alpha
 * = 1 - t.
 */
export function dfmTransition(t: number, s: number): Transition {
  const { a, b } = corrector(t);
  return {
    reveal: Math.min(1, (a * (t - s)) / t),
    remask: t < 1 ? Math.min(1, (b * (t - s)) / (1 - t)) : 0,
  };
}

/**
 * Returns the time grid. Its steps are no longer than 1/steps, and no longer than keeps u and r at
 * most 1, until t <= (1 - 1e-5)/steps. Time alone decides them, so the grid is known before the
 * run.
 * @returns [T + 1] times with T >= steps.
 */
export function dfmTimes(steps: number): Float64Array {
  const times = [1];
  const end = (1 - T_MIN) / steps;
  for (let t = 1; t > end; times.push(t)) t = dfmNextTime(t, steps);
  return Float64Array.from(times);
}

/** Returns the time s that follows t. */
export function dfmNextTime(t: number, steps: number): number {
  return t - dfmStepSize(t, steps);
}

/**
 * Returns the length of the step at t. At t = 1 the first term alone counts, and the second is not
 * defined.
 */
export function dfmStepSize(t: number, steps: number): number {
  if (t === 1) return 1 / steps;
  const { a, b } = corrector(t);
  return Math.min(1 / steps, 1 / (a / t + b / (1 - t)));
}

/**
 * Computes the parity loop's grid. A time is held in float32 during its step, and the next one is
 * computed from it in doubles.
 */
function dfmGrid(steps: number): ParityGrid {
  const grid: ParityTime[] = [];
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

function flow(t: number, s: number, { round }: Precision): StepWeights {
  const { a, b } = corrector(t);
  const alphaT = 1 - t;
  const alphaS = 1 - s;
  const reveal = (a * (alphaS - alphaT)) / (1 - alphaT);
  const keep = 1 - b * (alphaS / alphaT - 1);
  const weights = { keep: round(Math.fround(keep)), mask: round(1 - keep) };
  return { reveal: Math.fround(reveal), stay: round(1 - reveal), round, revealed: () => weights };
}
