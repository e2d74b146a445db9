/**
 * `remdm` is the remasking family (ReMDM, section 4): sigma = rescale * min(cap, sigmaMax) within a
 * window. With cap = 0 it is MDLM's ancestral sampler; with its defaults it is the paper's
 * ReMDM-max. The original's named strategies are points of it.
 */
import { defineStrategy, type Step, type Transition } from "../definition.ts";
import type { OptionTable } from "../optionTable.ts";
import { revealChance, sigmaMax } from "./posterior.ts";
import { LOOP_OPTIONS, sharesWithin, SWITCH_OPTIONS, type Window } from "./window.ts";

/** The options of the family, which orders of revealing have too. */
export const REMDM_OPTIONS = {
  cap: {
    type: "number",
    default: 1,
    range: "[0, 1]",
    help: "largest chance of a remask in one step; 1 is no cap",
    setting: "etaCap",
  },
  rescale: {
    type: "number",
    default: 1,
    range: "[0, 1]",
    help: "share of the largest allowed chance of a remask",
    setting: "etaRescale",
  },
  confidence: {
    type: "flag",
    default: false,
    help: "whether low-confidence tokens are remasked first",
  },
  window: {
    type: "variant",
    variants: { switch: SWITCH_OPTIONS, loop: LOOP_OPTIONS },
    help: "when remasking acts; left out: always",
  },
} as const satisfies OptionTable;

export const remdm = defineStrategy({
  kind: "remdm",
  source: "ReMDM, section 4",
  summary:
    "sigma = rescale * min(cap, sigmaMax), with confidence times softmax(-psi)_i, in a window",
  options: REMDM_OPTIONS,
  confidence: ({ confidence }) => confidence,
  transition: remdmTransition,
});

/** A point of the family; options that are left out are as in ReMDM-max. */
interface RemdmOptions {
  readonly cap?: number;
  readonly rescale?: number;
  readonly confidence?: boolean;
  readonly window?: Window | undefined;
}

/**
 * Returns the chances of the family. Under confidence, sigma is shared out over the revealed
 * positions, each getting softmax(-psi)_i of it, and a masked position gets nothing: its u is
 * MDLM's. On a loop plateau alpha does not move, so u = 0 there: a confidence plateau only remasks,
 * and what it remasked is revealed after tOff.
 */
export function remdmTransition(
  { cap = 1, rescale = 1, confidence = false, window = { kind: "always" } }: RemdmOptions,
  { t, s, quirks }: Step,
): Transition {
  const shares = sharesWithin(window, t, s, quirks);
  const sigma = shares.remasks ? rescale * Math.min(cap, sigmaMax(shares)) : 0;
  return { reveal: revealChance(shares, confidence ? 0 : sigma), remask: sigma };
}
