/** These types say what a caller may give as a strategy. */
import type { DefinedStrategy, AnyStrategyMaker } from "./definition.ts";
import type { BuiltInStrategy } from "./strategies/builtIn.ts";

/** A built-in strategy as plain data: its kind, and its options, which may all be left out. */
export type Strategy = BuiltInStrategy;

/**
 * A built-in strategy by its name, with the defaults of its options: a kind, `fb` for
 * `forward-backward`, or the paper's family with plus signs, `remdm-cap+conf+loop`. After `remdm-`
 * come max, cap, rescale and conf, then switch or loop.
 */
export type StrategyName =
  Exclude<Strategy["kind"], "remdm"> | "fb" | "remdm-max" | (string & Record<never, never>);

/**
 * Everything that stands for a strategy: a built-in one as data or by its name, or what
 * `defineStrategy` returned.
 */
export type AnyStrategy = Strategy | StrategyName | DefinedStrategy | AnyStrategyMaker;
