/** Makes the flags of strategies from the option tables, and reads strategies from flags. */
import type { Strategy } from "../../../sampler/strategy.ts";
import {
  SETTING_USES,
  STRATEGY_SETTINGS,
  strategyNamed,
  type Speaker,
  type StrategySettings,
} from "../../../sampler/strategies/notation.ts";
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
  return strategyNamed(name, flags, SPEAKER) as Strategy;
}

/** A flag of a strategy's option, for `--help`. */
export interface StrategyFlag {
  /** `--eta-cap <x>` */
  readonly flag: string;
  readonly help: string;
}

/** One flag for each option that is a number, whatever strategies have it. */
export function strategyFlags(): readonly StrategyFlag[] {
  return STRATEGY_SETTINGS.map((setting) => ({
    flag: `${kebab(setting)} <x>`,
    help: helpOf(setting),
  }));
}

/** Strategies for which an option means the same are named together. */
function helpOf(setting: string): string {
  const owners = new Map<string, string[]>();
  for (const { owner, option } of SETTING_USES.filter((use) => use.setting === setting)) {
    const meaning = `${option.help}, in ${option.shown ?? option.range} (default: ${option.default})`;
    owners.set(meaning, [...(owners.get(meaning) ?? []), owner]);
  }
  return Array.from(owners, ([meaning, names]) => `${names.join(", ")}: ${meaning}`).join("; ");
}

/** `etaCap` is `--eta-cap`. */
function kebab(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
