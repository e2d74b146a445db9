/**
 * What one step of the original's update functions does to a position, with the original's rounding: the table of
 * docs/design.md, section 2, in the numbers that PyTorch would hold. Original: `_ddpm_caching_update`,
 * `_dfm_caching_update`, `_ddpm_update`.
 */
import { OptionError } from "../../../foundation/errors.ts";
import type { Strategy } from "../../strategy.ts";
import { corrector } from "../../strategies/dfm.ts";
import type { RemdmRule } from "../../strategies/remdm.ts";
import { ruleOf } from "../../strategies/rule.ts";
import type { DenseConfidence } from "./confidence.ts";
import type { DenseTime } from "./grid.ts";
import { float32, type Precision, type Round } from "./precision.ts";
import { networkSigma32 } from "./sigma.ts";

/** A strategy that the original's code has, with everything said. */
export type DenseSampler =
  | { readonly kind: "mdlm" | "ddpm" | "analytic" | "forward-backward" | "dfm" | "remdm-conf" }
  | { readonly kind: "remdm-cap" | "remdm-rescale"; readonly eta: number }
  | {
      readonly kind: "remdm-loop";
      readonly eta: number;
      readonly tOn: number;
      readonly tOff: number;
      readonly alphaOn: number;
    };

/** The two weights of a revealed position, for the token that it has and for the mask. */
export interface KeepOrMask {
  readonly keep: number;
  readonly mask: number;
}

/** Unnormalised weights of the tokens that a position may hold next. */
export interface StepWeights {
  /** Masked position: token v has `round(p(v) * reveal)`, the mask `stay`. */
  readonly reveal: number;
  readonly stay: number;
  readonly round: Round;
  /** Revealed position; absent: it is copied, whatever was drawn. */
  readonly revealed?: (position: number) => KeepOrMask;
}

/** @throws OptionError for the paper's composable family, which the original's code has not. */
export function denseSampler(strategy: Strategy): DenseSampler {
  const { kind } = strategy;
  switch (kind) {
    case "remdm":
    case "ar":
      throw new OptionError("strategy.kind", kind, "one that the original's code has, for `dense`");
    case "remdm-cap":
      return { kind, eta: familyRule(strategy).cap };
    case "remdm-rescale":
      return { kind, eta: familyRule(strategy).rescale };
    case "remdm-loop": {
      const { cap, window } = familyRule(strategy);
      if (window.kind === "loop") return { ...window, kind, eta: cap };
      throw new OptionError("strategy.window", window.kind, "a loop");
    }
    default:
      return { kind };
  }
}

/** With the defaults filled in. */
function familyRule(strategy: Strategy): RemdmRule {
  const rule = ruleOf(strategy);
  if (rule.kind === "remdm") return rule;
  throw new OptionError("strategy.kind", rule.kind, "one of the remdm family");
}

/**
 * @param confidence of the sequence's positions, which `remdm-conf` alone looks at.
 * @param dtype of the network's rows.
 */
export function stepWeights(
  sampler: DenseSampler,
  time: DenseTime,
  dtype: Precision,
  confidence: DenseConfidence,
): StepWeights {
  const { t, s } = time;
  // `(1 - move_chance)[0].item()`: rounded to float32, then a double.
  const alphaT = Math.fround(1 - t);
  const alphaS = Math.fround(1 - s);
  const sigmaMax = alphaT > 0 ? Math.min(1, (1 - alphaS) / alphaT) : 1;
  switch (sampler.kind) {
    case "mdlm":
      return ancestral(t, s);
    case "ddpm":
      return ancestral(moveChance(t), moveChance(s));
    case "forward-backward":
      return remasking(alphaT > 0 ? (alphaS - alphaT) / alphaT : 1, alphaT, alphaS, dtype);
    case "remdm-cap": {
      const { eta } = sampler;
      const sigma = alphaT > 0 ? Math.min(eta, (1 - alphaS) / alphaT) : eta;
      return remasking(sigma, alphaT, alphaS, dtype);
    }
    case "remdm-rescale":
      return remasking(sampler.eta * sigmaMax, alphaT, alphaS, dtype);
    case "remdm-conf":
      return confident(sigmaMax, alphaT, alphaS, dtype, confidence.shares());
    case "remdm-loop":
      return loop(sampler, time, dtype);
    case "dfm":
      return t === 1 ? ancestral(t, s) : flow(t, s, dtype);
    case "analytic":
      throw new Error("the analytic predictor has weights of its own (analytic.ts)");
  }
}

/** Both chances are float32 tensors, so the product is float32 whatever the network's dtype. */
function ancestral(moveT: number, moveS: number): StepWeights {
  return { reveal: Math.fround(moveT - moveS), stay: moveS, round: float32.round };
}

/** `1 - torch.exp(-sigma)` of the schedule that the network is given. */
function moveChance(t: number): number {
  return Math.fround(1 - Math.fround(Math.exp(-networkSigma32(t))));
}

function remasking(sigma: number, alphaT: number, alphaS: number, { round }: Precision) {
  const weights = { keep: round(Math.fround(1 - sigma)), mask: round(sigma) };
  return {
    reveal: Math.fround((alphaS - (1 - sigma) * alphaT) / (1 - alphaT)),
    stay: round((1 - alphaS - sigma * alphaT) / (1 - alphaT)),
    round,
    revealed: () => weights,
  };
}

/** sigma is a tensor here, so every operation rounds; it is 0 at masked positions. */
function confident(
  sigmaMax: number,
  alphaT: number,
  alphaS: number,
  { round }: Precision,
  shares: (position: number) => number,
): StepWeights {
  const width = Math.fround(1 - alphaT);
  const drop = round(round(alphaS) - round(Math.fround(alphaT)));
  return {
    reveal: round(drop / width),
    stay: round(round(1 - alphaS) / width),
    round,
    revealed: (position) => {
      const sigma = round(shares(position) * Math.fround(sigmaMax));
      return { keep: round(1 - sigma), mask: sigma };
    },
  };
}

function loop(
  { eta, tOn, tOff, alphaOn }: Extract<DenseSampler, { kind: "remdm-loop" }>,
  { t, dt, s }: DenseTime,
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

function flow(t: number, s: number, { round }: Precision): StepWeights {
  const { a, b } = corrector(t);
  const alphaT = 1 - t;
  const alphaS = 1 - s;
  const reveal = (a * (alphaS - alphaT)) / (1 - alphaT);
  const keep = 1 - b * (alphaS / alphaT - 1);
  const weights = { keep: round(Math.fround(keep)), mask: round(1 - keep) };
  return { reveal: Math.fround(reveal), stay: round(1 - reveal), round, revealed: () => weights };
}
