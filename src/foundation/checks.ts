/**
 * Checks the values of options, also against untyped callers. `null` is a value like any other:
 * only `undefined` leaves an option out.
 */
import { OptionError } from "./errors.ts";

/**
 * Checks that a value is a number of the right kind.
 * @param allowed says what is allowed, as a phrase that follows "must be".
 * @param holds says whether a number is allowed; comparisons refuse NaN by themselves.
 * @throws OptionError, as all checks of this file do.
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

/**
 * A bound above this is left out of messages: it stands for no bound, or for one that is not known
 * yet.
 */
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
 * Checks that options are an object with known keys.
 * @param owner names the function that takes the options.
 * @param known has the keys that are allowed.
 * @param option names the argument that holds the options.
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

/**
 * Refuses options that something else decides.
 * @param refusal says of an option what is allowed.
 */
export function checkAbsent<Name extends string>(
  options: Readonly<Record<string, unknown>>,
  names: readonly Name[],
  refusal: (name: Name) => ConstructorParameters<typeof OptionError>[2],
): void {
  const name = names.find((one) => options[one] !== undefined);
  if (name !== undefined) throw new OptionError(name, options[name], refusal(name));
}

/** Returns the value, or the first of the choices where the value is undefined. */
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

/**
 * Checks that a value is a text that is not empty and has no zero character.
 * @param allowed says what the text is, as a phrase that follows "must be".
 */
export function checkText(option: string, value: unknown, allowed: string): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw new OptionError(option, value, allowed);
}

/** Checks a signal, which may be left out. */
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

/** Checks a callback, which may be left out. */
export function checkFunction(option: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw new OptionError(option, value, "a function");
}

/** The longest delay of a timer, in milliseconds; a longer one fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function checkTimeout(option: string, value: unknown): number {
  const allowed = `a number of milliseconds in (0, ${LONGEST_TIMER_MS}]`;
  return checkNumber(option, value, allowed, (x) => x > 0 && x <= LONGEST_TIMER_MS);
}

/** Refuses keys that are not known, so that a misspelt option is not ignored in silence. */
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

/**
 * Returns what a record itself has under a key of any origin; undefined for what every object
 * inherits, such as `constructor`.
 */
export function ownValue<Value>(
  record: Readonly<Record<string, Value>>,
  key: string,
): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
