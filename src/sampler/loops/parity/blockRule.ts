/** Says which strategies BD3-LM's published loop has. Published: bd3lms, `_ddpm_caching_update`. */
import { OptionError } from "../../../foundation/errors.ts";
import type { StrategyDefinition } from "../../definition.ts";
import type { AnyOptions } from "../../optionTable.ts";
import { linspace } from "./grid.ts";

/**
 * How a step changes a block. `firstHitting`: one position, any of the masked ones; `ancestral`:
 * each with the chance of the time, on a grid.
 */
export type BlockRule = "firstHitting" | "ancestral";

/**
 * Returns the rule that a strategy is.
 * @throws OptionError for a strategy that the published loop does not have.
 */
export function blockRuleOf({ kind }: StrategyDefinition, options: AnyOptions): BlockRule {
  if (kind === "mdlm") return "ancestral";
  if (kind !== "first-hitting") {
    throw new OptionError("strategy.kind", kind, {
      allowed: "first-hitting or mdlm, which BD3-LM's code has, with the executor dense",
      remedy: 'Take one of these, or sample with executor: "events".',
    });
  }
  if (options.rate === 0) return "firstHitting";
  throw new OptionError("strategy.rate", options.rate, {
    allowed: "0 with the executor dense: BD3-LM's code remasks nothing",
    remedy: 'Leave rate out, or sample with executor: "events".',
  });
}

/** The chance that a mask stays one, float32, and the time of the step. */
export interface BlockStep {
  readonly t: number;
  readonly stay: number;
}

/**
 * Computes the steps of a block: `torch.linspace(1, 0, steps)` and `dt = 1 / steps`, so the last
 * step begins at 0 and its chance is -Infinity (with one step it is 0).
 */
export function blockSteps(steps: number): BlockStep[] {
  const time = steps === 1 ? () => 1 : linspace(0, steps - 1);
  const dt = Math.fround(1 / steps);
  return Array.from({ length: steps }, (_, i) => {
    const t = time(i);
    return { t, stay: Math.fround(Math.fround(t - dt) / t) };
  });
}
