/** How many positions a step of the published loops reveals, and in which it remasks. */
import { wholeShare } from "../../schedule.ts";
import { linspace } from "./grid.ts";

/**
 * What published code orders positions by. `remdm`: ReMDM-LLaDA, `llada_remdm_sample`.
 * `low_confidence`, `random`: LLaDA, values of `remasking` of `generate`. The others: Dream, values
 * of `alg` of `diffusion_generate`.
 */
export type PublishedOrder =
  "low_confidence" | "random" | "remdm" | "maskgit_plus" | "topk_margin" | "entropy";

export interface PublishedRule {
  readonly order: PublishedOrder;
  /** Tokens that a step of ReMDM-LLaDA's loop remasks. */
  readonly remasks: number;
}

/** Tells whether a rule is one of Dream's, whose steps reveal what their times say. */
export function isDreams({ order }: Pick<PublishedRule, "order">): boolean {
  return order === "maskgit_plus" || order === "topk_margin" || order === "entropy";
}

/** Dream: the time at which its grid ends, `eps`. */
const DREAM_END = 1e-3;

/** A step of a block. */
interface BlockStep {
  readonly i: number;
  readonly steps: number;
  readonly blockLength: number;
}

/** Tells whether ReMDM-LLaDA remasks in a step; the first number it compares with is of tokens. */
export function remasksIn({ order }: PublishedRule, { i, steps, blockLength }: BlockStep): boolean {
  if (order !== "remdm") return false;
  const begin = Math.floor((blockLength / 8) * 7);
  return i >= begin && i < begin + steps / 2;
}

/**
 * Returns how many positions each step of a block reveals. `generate`: an even share, of which the
 * first steps take what does not divide (`get_num_transfer_tokens`).
 */
export function quotasOf(
  rule: PublishedRule,
  { masks, steps, blockLength }: { masks: number; steps: number; blockLength: number },
): readonly number[] {
  if (isDreams(rule)) return dreamsQuotas(masks, steps);
  if (rule.order !== "remdm") {
    const share = Math.floor(masks / steps);
    return Array.from({ length: steps }, (_, i) => share + Number(i < masks % steps));
  }
  const even = Math.floor(blockLength / (steps / 2));
  return Array.from({ length: steps }, (_, i) => {
    return remasksIn(rule, { i, steps, blockLength }) ? rule.remasks : even;
  });
}

/** Dream: `int(masks * (1 - s / t))` in float32; the last step reveals all that is left. */
function dreamsQuotas(masks: number, steps: number): readonly number[] {
  const time = linspace(DREAM_END, steps);
  const quotas: number[] = [];
  let left = masks;
  for (let i = 0; i < steps; i++) {
    const share = Math.fround(1 - Math.fround(time(i + 1) / time(i)));
    const quota = i === steps - 1 ? left : wholeShare(left, share);
    quotas.push(quota);
    left -= quota;
  }
  return quotas;
}
