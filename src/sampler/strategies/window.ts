/**
 * When remasking acts (ReMDM, section 4.2). Original: the three phases of `sampler: remdm-loop`; "switch" is in
 * the paper only.
 */
import type { Compat, LoopWindow, SwitchWindow } from "../strategy.ts";
import type { MaskedShares } from "./posterior.ts";

export type Window = { readonly kind: "always" } | Required<SwitchWindow> | Required<LoopWindow>;

export interface WindowedShares extends MaskedShares {
  /** Whether tokens may be remasked in this step. */
  readonly remasks: boolean;
}

/** The schedule of the step from t to s as `window` bends it. */
export function sharesWithin(
  window: Window,
  t: number,
  s: number,
  compat: Compat = "remdm",
): WindowedShares {
  switch (window.kind) {
    case "always":
      return { atT: t, atS: s, remasks: true };
    case "switch":
      return { atT: t, atS: s, remasks: t <= window.tSwitch };
    case "loop":
      return compat === "remdm" ? sharesOnLoop(window, t, s) : sharesOnPaperLoop(window, t, s);
  }
}

/**
 * alpha runs from 0 to alphaOn while t > tOn, stays there until tOff, and runs on to 1. In the original's code the phase of
 * a step is that of t alone: the step that crosses tOn follows the first line beyond alphaOn, and the one that crosses
 * tOff still ends on the plateau.
 */
function sharesOnLoop(loop: Required<LoopWindow>, t: number, s: number): WindowedShares {
  const { tOn, tOff, alphaOn } = loop;
  if (t > tOn) {
    const rise = alphaOn / (1 - tOn);
    return { atT: 1 - (1 - t) * rise, atS: 1 - (1 - s) * rise, remasks: false };
  }
  if (t > tOff) return { atT: 1 - alphaOn, atS: 1 - alphaOn, remasks: true };
  const fall = (1 - alphaOn) / tOff;
  return { atT: t * fall, atS: s * fall, remasks: false };
}

/** The same three lines as one function of time, so a step that crosses a corner ends on the next line. */
function sharesOnPaperLoop(loop: Required<LoopWindow>, t: number, s: number): WindowedShares {
  const { tOn, tOff, alphaOn } = loop;
  const masked = (time: number) => {
    if (time > tOn) return 1 - ((1 - time) * alphaOn) / (1 - tOn);
    return time > tOff ? 1 - alphaOn : (time * (1 - alphaOn)) / tOff;
  };
  return { atT: masked(t), atS: masked(s), remasks: t <= tOn && t > tOff };
}
