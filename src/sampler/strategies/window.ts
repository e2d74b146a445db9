/**
 * A window says when remasking acts (ReMDM, section 4.2). Original: the three phases of `sampler:
 * remdm-loop`; "switch" is in the paper only.
 */
import type { NumberOption, OptionValues } from "../optionTable.ts";
import type { Quirks } from "../quirks.ts";
import type { MaskedShares } from "./posterior.ts";

/** The plateau of `loop`: 0 < tOff < tOn < 1. */
export const LOOP_OPTIONS = {
  tOn: {
    type: "number",
    default: 0.55,
    range: "(0, 1)",
    shown: "(tOff, 1)",
    narrow: ({ tOff }) => ({ range: `(${tOff}, 1)`, shown: `(tOff, 1), with tOff = ${tOff}` }),
    help: "time at which the plateau begins",
  },
  tOff: {
    type: "number",
    default: 0.05,
    range: "(0, 1)",
    shown: "(0, tOn)",
    help: "time at which the plateau ends",
  },
  alphaOn: {
    type: "number",
    default: 0.9,
    range: "(0, 1)",
    help: "share of revealed positions on the plateau",
  },
} as const satisfies Readonly<Record<string, NumberOption>>;

export const SWITCH_OPTIONS = {
  tSwitch: {
    type: "number",
    default: 0.55,
    range: "(0, 1]",
    help: "time from which on remasking acts",
  },
} as const satisfies Readonly<Record<string, NumberOption>>;

export type LoopWindow = { readonly kind: "loop" } & OptionValues<typeof LOOP_OPTIONS>;
export type SwitchWindow = { readonly kind: "switch" } & OptionValues<typeof SWITCH_OPTIONS>;
export type Window = { readonly kind: "always" } | SwitchWindow | LoopWindow;

export interface WindowedShares extends MaskedShares {
  /** Whether tokens may be remasked in this step. */
  readonly remasks: boolean;
}

/** Returns the schedule of the step from t to s as `window` bends it. */
export function sharesWithin(
  window: Window,
  t: number,
  s: number,
  quirks: Quirks = "original",
): WindowedShares {
  switch (window.kind) {
    case "always":
      return { atT: t, atS: s, remasks: true };
    case "switch":
      return { atT: t, atS: s, remasks: t <= window.tSwitch };
    case "loop":
      return quirks === "original" ? sharesOnLoop(window, t, s) : sharesOnPaperLoop(window, t, s);
  }
}

/**
 * Follows the original's loop: alpha runs from 0 to alphaOn while t > tOn, stays there until tOff,
 * and runs on to 1. The phase of a step depends on t alone: the step that crosses tOn follows the
 * first line beyond alphaOn, and the step that crosses tOff still ends on the plateau.
 */
function sharesOnLoop(loop: LoopWindow, t: number, s: number): WindowedShares {
  const { tOn, tOff, alphaOn } = loop;
  if (t > tOn) {
    const rise = alphaOn / (1 - tOn);
    return { atT: 1 - (1 - t) * rise, atS: 1 - (1 - s) * rise, remasks: false };
  }
  if (t > tOff) return { atT: 1 - alphaOn, atS: 1 - alphaOn, remasks: true };
  const fall = (1 - alphaOn) / tOff;
  return { atT: t * fall, atS: s * fall, remasks: false };
}

/**
 * Follows the paper's loop: the same three lines are one function of time, so a step that crosses a
 * corner ends on the next line.
 */
function sharesOnPaperLoop(loop: LoopWindow, t: number, s: number): WindowedShares {
  const { tOn, tOff, alphaOn } = loop;
  const masked = (time: number) => {
    if (time > tOn) return 1 - ((1 - time) * alphaOn) / (1 - tOn);
    return time > tOff ? 1 - alphaOn : (time * (1 - alphaOn)) / tOff;
  };
  return { atT: masked(t), atS: masked(s), remasks: t <= tOn && t > tOff };
}
