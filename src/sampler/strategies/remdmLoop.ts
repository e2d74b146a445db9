/**
 * ReMDM-loop (ReMDM, section 4.2) is MDLM, then a plateau of constant alpha on which tokens are
 * corrected, then MDLM again. Original: `sampler: remdm-loop`.
 */
import { defineStrategy } from "../definition.ts";
import type { ParityTime } from "../loops/parity/grid.ts";
import type { StepWeights } from "../loops/parity/form.ts";
import type { Precision } from "../loops/parity/precision.ts";
import { ancestral, remasking } from "../loops/parity/weights.ts";
import type { NumberOption } from "../optionTable.ts";
import { remdmTransition } from "./remdm.ts";
import { LOOP_OPTIONS, type LoopWindow } from "./window.ts";

const ETA = {
  type: "number",
  default: 0.02,
  range: "[0, 1]",
  shown: "[0, min(1, (1 - alphaOn) / alphaOn)]",
  /** On the plateau sigmaMax = (1 - alphaOn) / alphaOn: beyond it there is no posterior. */
  narrow: ({ alphaOn }) => {
    const max = Math.min(1, (1 - alphaOn) / alphaOn);
    const shown = `[0, ${max}], the most that alphaOn = ${alphaOn} allows`;
    return { range: `[0, ${max}]`, shown };
  },
  help: "chance of a remask in one step of the plateau",
} as const satisfies NumberOption;

export const remdmLoop = defineStrategy({
  kind: "remdm-loop",
  source: "ReMDM, section 4.2; original: sampler remdm-loop",
  summary: "mdlm, then a plateau of constant alpha with sigma = eta, then mdlm",
  options: {
    eta: ETA,
    ...LOOP_OPTIONS,
  },
  transition: ({ eta, ...plateau }, step) =>
    remdmTransition({ cap: eta, window: { kind: "loop", ...plateau } }, step),
  parity: {
    weights: ({ eta, ...plateau }, time, dtype) =>
      loopWeights({ kind: "loop", ...plateau }, eta, time, dtype),
  },
});

function loopWeights(
  { tOn, tOff, alphaOn }: LoopWindow,
  eta: number,
  { t, dt, s }: ParityTime,
  dtype: Precision,
): StepWeights {
  if (t > tOn) {
    const rise = (remaining: number) =>
      Math.fround(
        1 - Math.fround(Math.fround(remaining * Math.fround(alphaOn)) / Math.fround(1 - tOn)),
      );
    const remaining = Math.fround(1 - t);
    return ancestral(rise(remaining), rise(Math.fround(remaining + dt)));
  }
  if (t <= tOff) {
    const fall = (time: number) =>
      Math.fround(Math.fround(time * Math.fround(1 - alphaOn)) / Math.fround(tOff));
    return ancestral(fall(t), fall(s));
  }
  return remasking(eta, alphaOn, alphaOn, dtype);
}
