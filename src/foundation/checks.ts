/** The checks that all options are made of; they hold against untyped callers too, and `null` is a value like any other. */
import { OptionError } from "./errors.ts";

/**
 * @param allowed what is allowed, as a phrase after "must be".
 * @param holds whether a number is allowed; comparisons refuse NaN by themselves.
 */
export function checkNumber(
  option: string,
  value: unknown,
  allowed: string,
  holds: (value: number) => boolean,
): number {
  if (typeof value !== "number" || !holds(value)) throw new OptionError(option, value, allowed);
  return value;
}

/** Beyond it a bound is nobody's wish: there is none, or nobody knows it yet. */
const LARGEST_BOUND = 2 ** 52;

export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  const allowed =
    max > LARGEST_BOUND
      ? `an integer of at least ${min}`
      : min === max
        ? `${min}`
        : `an integer in [${min}, ${max}]`;
  return checkNumber(
    option,
    value,
    allowed,
    (x) => Number.isSafeInteger(x) && x >= min && x <= max,
  );
}

/**
 * @param option what holds the value, or what it is if it is all that is given: `options`.
 * @param known the keys that it may have.
 */
export function checkOptions(
  owner: string,
  options: unknown,
  known: object,
  option = "options",
): Readonly<Record<string, unknown>> {
  if (!isRecord(options)) throw new OptionError(option, options, "an object");
  checkKeys("", owner, options, Object.keys(known));
  return options;
}

/** @returns the first of the choices where nothing is said. */
export function checkChoice<const Choice extends string>(
  option: string,
  value: unknown,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const chosen = value === undefined ? choices[0] : choices.find((choice) => choice === value);
  if (chosen !== undefined) return chosen;
  throw new OptionError(
    option,
    value,
    choices.map((choice) => JSON.stringify(choice)).join(" or "),
  );
}

export function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new OptionError(option, value, "true or false");
}

/** @param allowed what the text is, as a phrase after "must be". */
export function checkText(option: string, value: unknown, allowed: string): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw new OptionError(option, value, allowed);
}

/** Of an option that may be left out. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || isSignal(signal)) return signal;
  throw new OptionError("signal", signal, "an AbortSignal");
}

function isSignal(value: unknown): value is AbortSignal {
  return (
    isRecord(value) &&
    typeof value.aborted === "boolean" &&
    typeof value.addEventListener === "function"
  );
}

/** Of an option that may be left out. */
export function checkFunction(option: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new OptionError(option, value, "a function");
}

/** The longest delay that a timer takes; a longer one fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function checkTimeout(option: string, value: unknown): number {
  const allowed = `a number of milliseconds in (0, ${LONGEST_TIMER_MS}]`;
  return checkNumber(option, value, allowed, (x) => x > 0 && x <= LONGEST_TIMER_MS);
}

/** Refuses options that nobody reads: a misspelt one must not be ignored in silence. */
export function checkKeys(
  prefix: string,
  owner: string,
  given: object,
  known: readonly string[],
): void {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || known.includes(key)) continue;
    const allowed = `undefined (${owner} takes only ${known.join(", ")})`;
    throw new OptionError(`${prefix}${key}`, value, allowed);
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
