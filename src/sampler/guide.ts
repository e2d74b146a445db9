/**
 * A guide steers a run by a reward: any function of the tokens, in TypeScript. This file defines
 * its options and checks them; `loops/guided.ts` carries it out (docs/guide.md).
 */
import {
  checkChoice,
  checkFunction,
  checkInteger,
  checkNumber,
  checkOptions,
} from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { TokenId } from "./denoiser.ts";
import { SAMPLE_LIMIT } from "./draw/noise.ts";

/** A text as a reward sees it: a copy, which the reward may change without changing the run. */
export interface GuidedText {
  /** [L] token ids, `maskId` where nothing is revealed; never cut by `until`. */
  readonly tokens: Int32Array;
  readonly maskId: TokenId;
  /** Whether nothing is masked and nothing will change any more. */
  readonly finished: boolean;
}

/**
 * Judges a text, whether some of it is masked or not.
 * @returns r, the natural log of a weight: any number. -Infinity rules the text out.
 */
export type Reward = (text: GuidedText) => number;

/** How offspring are drawn in proportion to weights (Douc, Cappe and Moulines 2005). */
export type ResamplingScheme = "systematic" | "stratified" | "residual" | "multinomial";

export interface GuideOptions {
  /** Should be a pure function: the same text, the same reward. */
  readonly reward: Reward;
  /** N, how many texts are drawn for each sample, an integer >= 2. */
  readonly particles: number;
  /**
   * `smc` weighs the particles on the way and copies heavy ones in place of light ones (sequential
   * Monte Carlo); `best-of-n` draws N texts and takes the one of the highest reward. Default `smc`.
   */
  readonly method?: "smc" | "best-of-n";
  /** lambda, what rewards are multiplied by, a number in [0, Infinity). Default 1. `smc` only. */
  readonly strength?: number;
  /**
   * Steps from one weighting to the next, an integer >= 1; in continuous time, events. Default: a
   * sixteenth of the steps. `smc` only.
   */
  readonly every?: number;
  /**
   * Particles are resampled when their effective sample size is below this share of N, a number in
   * [0, 1]; 0: never. Default 0.5. `smc` only.
   */
  readonly resampleBelow?: number;
  /** Default `systematic`. `smc` only. */
  readonly resampling?: ResamplingScheme;
}

/** {@link GuideOptions} with every value filled in. */
export type PreparedGuide =
  | { readonly reward: Reward; readonly particles: number; readonly method: "best-of-n" }
  | (Required<GuideOptions> & { readonly method: "smc" });

/** Weightings of a run on the way, where the caller does not say how many. */
const WEIGHTINGS = 16;

const KNOWN: Readonly<Record<keyof GuideOptions, true>> = {
  reward: true,
  particles: true,
  method: true,
  strength: true,
  every: true,
  resampleBelow: true,
  resampling: true,
};

/**
 * Checks a guide and fills in its defaults.
 * @param run `steps` of the run; `refusal`: a reason why the run takes no guide.
 * @throws OptionError.
 */
export function readGuide(
  guide: unknown,
  run: { readonly steps: number; readonly refusal: string | undefined },
): PreparedGuide | undefined {
  if (guide === undefined) return undefined;
  const given = checkOptions("a guide", guide, KNOWN, "guide");
  if (run.refusal !== undefined) throw new OptionError("guide", guide, run.refusal);
  const reward = readReward(given.reward);
  const particles = checkInteger("guide.particles", given.particles, 2, SAMPLE_LIMIT);
  const method = checkChoice("guide.method", given.method, ["smc", "best-of-n"]);
  if (method === "best-of-n") {
    for (const name of ["strength", "every", "resampleBelow", "resampling"] as const) {
      if (given[name] === undefined) continue;
      const why = "undefined with the method best-of-n, which weighs once";
      throw new OptionError(`guide.${name}`, given[name], why);
    }
    return { reward, particles, method };
  }
  const { strength = 1, every = Math.ceil(run.steps / WEIGHTINGS), resampleBelow = 0.5 } = given;
  return {
    reward,
    particles,
    method,
    strength: checkNumber("guide.strength", strength, "a number in [0, Infinity)", (x) => {
      return x >= 0 && x < Infinity;
    }),
    every: checkInteger("guide.every", every, 1, Number.MAX_SAFE_INTEGER),
    resampleBelow: checkNumber("guide.resampleBelow", resampleBelow, "a number in [0, 1]", (x) => {
      return x >= 0 && x <= 1;
    }),
    resampling: checkChoice("guide.resampling", given.resampling, [
      "systematic",
      "stratified",
      "residual",
      "multinomial",
    ]),
  };
}

function readReward(reward: unknown): Reward {
  if (reward === undefined) throw new OptionError("guide.reward", reward, "a function");
  checkFunction("guide.reward", reward);
  return reward as Reward;
}
