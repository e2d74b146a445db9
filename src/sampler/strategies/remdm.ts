/**
 * The remasking family (ReMDM, section 4): sigma = rescale * min(cap, sigmaMax) within a window. With cap = 0 it is
 * MDLM's ancestral sampler.
 */
import { revealChance, sigmaMax, type Transition } from "./posterior.ts";
import type { Compat } from "../strategy.ts";
import { sharesWithin, type Window } from "./window.ts";

/** The composable strategy with everything said. */
export interface RemdmRule {
  readonly kind: "remdm";
  /** In [0, 1]; 1 is no cap, as sigmaMax <= 1. */
  readonly cap: number;
  /** In [0, 1]. */
  readonly rescale: number;
  readonly confidence: boolean;
  readonly window: Window;
}

/**
 * Under confidence, sigma is shared out over the revealed positions, each getting softmax(-psi)_i of it, and a
 * masked position has none: its u is MDLM's. On a loop plateau alpha does not move, so u = 0 there: a
 * confidence plateau only remasks, and what it remasked is revealed after tOff.
 */
export function remdmTransition(
  rule: RemdmRule,
  t: number,
  s: number,
  compat?: Compat,
): Transition {
  const shares = sharesWithin(rule.window, t, s, compat);
  const sigma = shares.remasks ? rule.rescale * Math.min(rule.cap, sigmaMax(shares)) : 0;
  return { reveal: revealChance(shares, rule.confidence ? 0 : sigma), remask: sigma };
}
