/**
 * Computes the weights of one step of the original's update functions, with the original's
 * rounding: the table of docs/design.md in the numbers that PyTorch would hold. Each strategy's
 * parity form is made of these. Original: `_ddpm_caching_update`, `_dfm_caching_update`,
 * `_ddpm_update`.
 */
import type { StepWeights } from "./form.ts";
import type { ParityTime } from "./grid.ts";
import { float32, type Precision } from "./precision.ts";
import { networkSigma32 } from "./sigma.ts";

/** Returns `(1 - move_chance)[0].item()` at both times: rounded to float32, then a double. */
export function alphas({ t, s }: ParityTime): {
  readonly alphaT: number;
  readonly alphaS: number;
  readonly sigmaMax: number;
} {
  const alphaT = Math.fround(1 - t);
  const alphaS = Math.fround(1 - s);
  return { alphaT, alphaS, sigmaMax: alphaT > 0 ? Math.min(1, (1 - alphaS) / alphaT) : 1 };
}

/**
 * Returns the weights without remasking. Both chances are float32 tensors, so the product is
 * float32 whatever the network's dtype.
 */
export function ancestral(moveT: number, moveS: number): StepWeights {
  return { reveal: Math.fround(moveT - moveS), stay: moveS, round: float32.round };
}

/** Returns `1 - torch.exp(-sigma)` of the schedule that the network is given. */
export function moveChance(t: number): number {
  return Math.fround(1 - Math.fround(Math.exp(-networkSigma32(t))));
}

/** Returns the weights with the same chance sigma of a remask at every revealed position. */
export function remasking(
  sigma: number,
  alphaT: number,
  alphaS: number,
  { round }: Precision,
): StepWeights {
  const weights = { keep: round(Math.fround(1 - sigma)), mask: round(sigma) };
  return {
    reveal: Math.fround((alphaS - (1 - sigma) * alphaT) / (1 - alphaT)),
    stay: round((1 - alphaS - sigma * alphaT) / (1 - alphaT)),
    round,
    revealed: () => weights,
  };
}

/**
 * Returns the weights with sigma shared out by confidence. Sigma is a tensor here, so every
 * operation rounds; it is 0 at masked positions.
 */
export function confident(
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
