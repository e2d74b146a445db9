/** Finds the definition that a caller means, and parses its options: once for each run. */
import { isRecord } from "../../foundation/checks.ts";
import { OptionError } from "../../foundation/errors.ts";
import { definitionOf, type StrategyDefinition } from "../definition.ts";
import type { ModelKind } from "../denoiser.ts";
import { parseOptions, type AnyOptions } from "../optionTable.ts";
import { BUILT_IN, DEFAULT_STRATEGIES, KINDS, modelsOf } from "./builtIn.ts";
import { strategyNamed } from "./notation.ts";

/** A definition with its options, all filled in. */
export interface PreparedStrategy {
  readonly definition: StrategyDefinition;
  readonly options: AnyOptions;
}

/**
 * Finds a strategy for a model.
 * @param strategy of any origin: a name, data of a built-in kind, or what `defineStrategy`
 *   returned.
 * @param model the kind of the model.
 * @throws OptionError for a strategy that is unknown, not valid, or not for this kind of model.
 */
export function findStrategy(strategy: unknown, model: ModelKind): PreparedStrategy {
  if (strategy === undefined) return withOptions(DEFAULT_STRATEGIES[model], {});
  const isName = typeof strategy === "string";
  const given = isName ? namedStrategy(strategy) : strategy;
  const own = definitionOf(given);
  if (own !== undefined && typeof given === "function") return ofModel(own, {}, model, isName);
  if (!isRecord(given)) {
    throw unknown("strategy", given, `an object whose kind is one of ${KINDS.join(", ")}`);
  }
  const known = BUILT_IN.filter(({ kind }) => kind === given.kind);
  const definition = own ?? known.find((one) => modelsOf(one).includes(model)) ?? known.at(0);
  if (definition === undefined) {
    throw unknown("strategy.kind", given.kind, `one of ${KINDS.join(", ")}`);
  }
  return ofModel(definition, given, model, isName);
}

/** Returns the kind of model that a strategy is for, `mdlm` where several are possible. */
export function modelKindFor(strategy: unknown): ModelKind {
  const models = definitionsFor(strategy).flatMap(modelsOf);
  return models.length === 0 || models.includes("mdlm") ? "mdlm" : models[0];
}

/**
 * Tells whether a strategy goes by a number of steps that callers give: `ar`, continuous time and
 * untimed strategies do not, and neither does one whose options say the number.
 */
export function takesSteps(strategy: unknown): boolean {
  if (impliedSteps(strategy) !== undefined) return false;
  return !definitionsFor(strategy).some((one) => {
    return "leftToRight" in one || "nextEvent" in one || ("select" in one && one.untimed === true);
  });
}

/** Returns the number of steps that the options of a strategy imply; undefined: they imply none. */
export function impliedSteps(strategy: unknown): number | undefined {
  const given = isRecord(strategy) ? strategy : {};
  const steps = definitionsFor(strategy).map((one) =>
    "select" in one ? one.steps?.(withOptions(one, given).options) : undefined,
  );
  return steps.find((one) => one !== undefined);
}

/** Tells whether a strategy takes as many steps as its rows need: their number is a bound only. */
export function isUntimed(strategy: unknown): boolean {
  return definitionsFor(strategy).some((one) => "select" in one && one.untimed === true);
}

/** Tells whether a strategy asks first, for some kind of model at least. */
export function asksFirst(strategy: unknown): boolean {
  return definitionsFor(strategy).some((one) => "select" in one);
}

/** Finds the definitions that a strategy may mean; the model decides between several. */
function definitionsFor(strategy: unknown): readonly StrategyDefinition[] {
  const given = typeof strategy === "string" ? namedStrategy(strategy) : strategy;
  const own = definitionOf(given);
  const kind = isRecord(given) ? given.kind : undefined;
  return own === undefined ? BUILT_IN.filter((one) => one.kind === kind) : [own];
}

function ofModel(
  definition: StrategyDefinition,
  given: AnyOptions,
  model: ModelKind,
  isName: boolean,
): PreparedStrategy {
  checkKind(definition);
  const prepared = withOptions(definition, given);
  if (modelsOf(definition).includes(model)) return prepared;
  const names = BUILT_IN.filter((one) => modelsOf(one).includes(model)).map(({ kind }) =>
    kind === "remdm" ? COMBINED : kind,
  );
  const allowed = names.length === 1 ? names[0] : `one of ${names.join(", ")}`;
  throw new OptionError(
    isName ? "strategy" : "strategy.kind",
    definition.kind,
    `${allowed} for a model of kind ${model}`,
  );
}

/** A strategy that is no built-in one may have been one of the user's own. */
function unknown(option: string, value: unknown, allowed: string): OptionError {
  const { message, remedy } = new OptionError(option, value, allowed);
  const own =
    "For a strategy of your own pass what defineStrategy returned, or what calling that returned: " +
    "a copy of it ({ ...strategy }, structuredClone, JSON) loses its definition.";
  return new OptionError(option, value, { message, remedy: `${remedy} ${own}` });
}

/** How the paper's family is said: as a kind, and by name. */
const COMBINED = "remdm (by name: remdm-max, remdm-cap+loop, ...)";

/** A name tells which strategy ran: in results, files and messages. */
function checkKind(definition: StrategyDefinition): void {
  const { kind } = definition;
  if (BUILT_IN.includes(definition) || !KINDS.includes(kind)) return;
  throw new OptionError("definition.kind", kind, "a name that no built-in strategy has");
}

function withOptions(definition: StrategyDefinition, given: AnyOptions): PreparedStrategy {
  const { kind, options = {} } = definition;
  return { definition, options: parseOptions("strategy.", kind, options, given) };
}

/** Resolves the name of a strategy for a program, whose errors name the option `strategy`. */
function namedStrategy(name: string): unknown {
  return strategyNamed(
    name,
    {},
    {
      nameOf: (setting) => setting,
      othersOf: () => "", // a name comes without settings
      refusal: (message, remedy) => new OptionError("strategy", name, { message, remedy }),
    },
  );
}
