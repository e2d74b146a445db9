/** Strategies on the command line: the names of `strategyName.ts`, their settings as flags. */
import type { Strategy } from "../sampler/strategy.ts";
import { strategyNamed, type Speaker, type StrategySettings } from "../sampler/strategyName.ts";
import { UsageError } from "./usage.ts";

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

/** How the command line calls an option that the library complains about. */
export function flagFor(option: string, flags: StrategyFlags): string {
  const name = option.split(".").at(-1) ?? option;
  if (name === "cap") return flags.etaCap === undefined ? "--eta" : "--eta-cap";
  if (name === "rescale") return flags.etaRescale === undefined ? "--eta" : "--eta-rescale";
  return kebab(name);
}

/** `etaCap` is `--eta-cap`. */
function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
