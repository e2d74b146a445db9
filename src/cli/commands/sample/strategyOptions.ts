/** Strategies on the command line: the names of `strategyName.ts`, their settings as flags. */
import type { Strategy } from "../../../sampler/strategy.ts";
import {
  strategyNamed,
  type Speaker,
  type StrategySettings,
} from "../../../sampler/strategyName.ts";
import { UsageError } from "../../usage.ts";

/** The flags that belong to a strategy, as commander hands them over. */
export type StrategyFlags = StrategySettings;

const SPEAKER: Speaker = {
  nameOf: kebab,
  refusal: (message, remedy) => new UsageError(message, remedy),
};

/**
 * @returns the strategy with every option filled in.
 * @throws UsageError for a name that is none, or a flag that this strategy does not use.
 */
export function strategyOf(name: string, flags: StrategyFlags): Strategy {
  return strategyNamed(name, flags, SPEAKER);
}

/** `etaCap` is `--eta-cap`. */
function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
