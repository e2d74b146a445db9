/**
 * An option table says everything about the options of a strategy: name, range, default, unit,
 * help. Parsing, flags, `--help`, the experiment schema and the tables of the documentation are
 * made from it.
 */
import { checkBoolean, checkChoice, checkKeys, isRecord, ownValue } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { described } from "../foundation/messages.ts";
import { wrongReturn } from "./returned.ts";

export interface NumberOption {
  readonly type: "number" | "integer";
  readonly default: number;
  /** An interval: `"[0, 1]"`, `"(0, 1)"`, `"[1, Infinity)"`. */
  readonly range: string;
  /**
   * The range as messages and help show it, where another option is one of its ends: `"(0, tOn)"`.
   */
  readonly shown?: string;
  /**
   * Narrows the range by the values of other options.
   * @param others the options of this table that are numbers and have no `narrow`.
   */
  narrow?(others: Readonly<Record<string, number>>): {
    readonly range: string;
    readonly shown?: string;
  };
  /** One sentence for a person, without the default and the range. */
  readonly help: string;
  readonly unit?: string;
  /** Its name as a flag and in experiment files, if that differs from its name in a program. */
  readonly setting?: string;
}

/** A list of integers, or nothing. */
export interface IntegersOption {
  readonly type: "integers";
  /** Of each of them: an interval. */
  readonly range: string;
  readonly help: string;
}

export interface FlagOption {
  readonly type: "flag";
  readonly default: boolean;
  readonly help: string;
}

export interface ChoiceOption {
  readonly type: "choice";
  readonly choices: readonly [string, ...string[]];
  /** One of `choices`. Default: the first of them. */
  readonly default?: string;
  readonly help: string;
}

/** One of several records that `kind` tells apart, or nothing. */
export interface VariantOption {
  readonly type: "variant";
  readonly variants: Readonly<Record<string, SimpleTable>>;
  readonly help: string;
}

export type SimpleOption = NumberOption | FlagOption | ChoiceOption;
export type SimpleTable = Readonly<Record<string, SimpleOption>>;
export type StrategyOption = SimpleOption | IntegersOption | VariantOption;
export type OptionTable = Readonly<Record<string, StrategyOption>>;

type SimpleValue<O> = O extends { readonly type: "number" | "integer" }
  ? number
  : O extends { readonly type: "flag" }
    ? boolean
    : O extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : never;

type VariantValue<O> = O extends { readonly variants: infer V }
  ? {
      [K in keyof V]: { readonly kind: K } & {
        readonly [P in keyof V[K]]: SimpleValue<V[K][P]>;
      };
    }[keyof V]
  : never;

type GivenVariant<O> = O extends { readonly variants: infer V }
  ? {
      [K in keyof V]: { readonly kind: K } & {
        readonly [P in keyof V[K]]?: SimpleValue<V[K][P]>;
      };
    }[keyof V]
  : never;

/** The options of a table, all filled in; a variant or a list that was left out is undefined. */
export type OptionValues<T> = {
  readonly [K in keyof T]: T[K] extends VariantOption
    ? VariantValue<T[K]> | undefined
    : T[K] extends IntegersOption
      ? readonly number[] | undefined
      : SimpleValue<T[K]>;
};

/** The options of a table as a caller gives them; an option that is left out has its default. */
export type GivenOptions<T> = {
  readonly [K in keyof T]?: T[K] extends VariantOption
    ? GivenVariant<T[K]>
    : T[K] extends IntegersOption
      ? readonly number[]
      : SimpleValue<T[K]>;
};

/** Parsed options of any table. */
export type AnyOptions = Readonly<Record<string, unknown>>;

/**
 * Writes the value of an option for people: `0.5`, `8,8,16`, `loop (tOn 0.55, tOff 0.05)`; `none`
 * for what is left out.
 */
export function written(value: unknown): string {
  if (value === undefined || value === null) return "none";
  if (Array.isArray(value)) return value.join(",");
  if (!isRecord(value)) return typeof value === "string" ? value : JSON.stringify(value);
  const { kind, ...rest } = value;
  const parts = Object.entries(rest).map(([name, one]) => `${name} ${written(one)}`);
  const inside = parts.join(", ");
  if (typeof kind !== "string") return inside;
  return parts.length === 0 ? kind : `${kind} (${inside})`;
}

/**
 * Checks the options of a strategy and fills in the defaults.
 * @param prefix what stands before the names of options in messages: `"strategy."`.
 * @param owner what the options belong to, for messages: the kind of the strategy.
 * @param given of any origin; `kind` is left to the caller.
 * @returns the options in the order of the table, frozen.
 * @throws OptionError that names the option as the caller wrote it: `strategy.window.tOn`.
 */
export function parseOptions(
  prefix: string,
  owner: string,
  table: OptionTable,
  given: AnyOptions,
): AnyOptions {
  checkKeys(prefix, owner, given, ["kind", ...Object.keys(table)]);
  const parsed: Record<string, unknown> = {};
  const entries = Object.entries(table);
  for (const [name, option] of entries) {
    if (!isNarrowed(option))
      parsed[name] = parseOption(prefix + name, option, ownValue(given, name));
  }
  const numbers = Object.fromEntries(
    Object.entries(parsed).filter((entry): entry is [string, number] => isNumber(entry[1])),
  );
  for (const [name, option] of entries) {
    if (!isNarrowed(option)) continue;
    const narrowed = { ...option, ...narrowedRange(owner, name, option.narrow(numbers)) };
    parsed[name] = parseNumber(prefix + name, narrowed, ownValue(given, name));
  }
  return Object.freeze(Object.fromEntries(entries.map(([name]) => [name, parsed[name]])));
}

/** Checks what the table's own code says of a range. */
function narrowedRange(
  owner: string,
  name: string,
  narrowed: unknown,
): ReturnType<Narrowed["narrow"]> {
  const { range, shown } = isRecord(narrowed) ? narrowed : {};
  const isSound =
    typeof range === "string" &&
    isInterval(range) &&
    (shown === undefined || typeof shown === "string");
  if (isSound) return { range, ...(shown !== undefined && { shown }) };
  const allowed = 'an object with a range such as "[0, 1]"';
  throw wrongReturn(owner, `options.${name}.narrow`, range ?? narrowed, allowed);
}

type Narrowed = NumberOption & Required<Pick<NumberOption, "narrow">>;

function isNarrowed(option: StrategyOption): option is Narrowed {
  return (option.type === "number" || option.type === "integer") && option.narrow !== undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function parseOption(name: string, option: StrategyOption, value: unknown): unknown {
  switch (option.type) {
    case "number":
    case "integer":
      return parseNumber(name, option, value);
    case "flag":
      return value === undefined ? option.default : checkBoolean(name, value);
    case "choice":
      return checkChoice(name, value === undefined ? option.default : value, option.choices);
    case "integers":
      return parseIntegers(name, option, value);
    case "variant":
      return parseVariant(name, option, value);
  }
}

function parseNumber(name: string, option: NumberOption, value: unknown): number {
  const x = value === undefined ? option.default : value;
  const whole = option.type === "integer";
  const allowed = `${whole ? "an integer" : "a number"} in ${option.shown ?? option.range}`;
  const isAllowed =
    typeof x === "number" && contains(option.range, x) && (!whole || Number.isSafeInteger(x));
  if (!isAllowed) throw new OptionError(name, x, allowed);
  return x;
}

function parseIntegers(name: string, { range }: IntegersOption, value: unknown): unknown {
  if (value === undefined) return undefined;
  const allowed = `a list of integers in ${range}, one at least`;
  if (!Array.isArray(value) || value.length === 0) throw new OptionError(name, value, allowed);
  const entries: readonly unknown[] = value;
  const isAllowed = (x: unknown) => Number.isSafeInteger(x) && contains(range, x as number);
  const stray = entries.findIndex((x) => !isAllowed(x));
  if (stray < 0) return Object.freeze([...entries]);
  const which = `entry ${stray + 1} of ${entries.length} is ${described(entries[stray])}`;
  throw new OptionError(name, value, {
    message: `${name} must be ${allowed}; ${which}`,
    remedy: `Set ${name} to ${allowed}.`,
  });
}

function parseVariant(name: string, { variants }: VariantOption, value: unknown): unknown {
  if (value === undefined) return undefined;
  const kinds = Object.keys(variants).join(", ");
  if (!isRecord(value)) {
    throw new OptionError(name, value, `an object whose kind is one of ${kinds}`);
  }
  const { kind } = value;
  if (typeof kind !== "string" || !Object.hasOwn(variants, kind)) {
    throw new OptionError(`${name}.kind`, kind, `one of ${kinds}`);
  }
  return Object.freeze({ kind, ...parseOptions(`${name}.`, kind, variants[kind], value) });
}

const INTERVAL = /^([[(])\s*(\S+)\s*,\s*(\S+)\s*([\])])$/;

/** Whether a text is an interval such as `"(0, 1]"`. */
export function isInterval(range: string): boolean {
  const [, , low, high] = INTERVAL.exec(range) ?? [];
  return Number(low) <= Number(high);
}

/**
 * Whether a number lies in an interval such as `"(0, 1]"`.
 * @throws OptionError for a text that is no interval.
 */
export function contains(range: string, x: number): boolean {
  if (!isInterval(range)) throw new OptionError("range", range, 'an interval such as "[0, 1]"');
  const [, left, low, high, right] = INTERVAL.exec(range) ?? [];
  const [min, max] = [Number(low), Number(high)];
  return (left === "[" ? x >= min : x > min) && (right === "]" ? x <= max : x < max);
}
