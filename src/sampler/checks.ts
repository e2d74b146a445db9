/** The three checks that all options are made of; they hold against untyped callers too. */
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

export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  const allowed = min === max ? `${min}` : `an integer in [${min}, ${max}]`;
  return checkNumber(
    option,
    value,
    allowed,
    (x) => Number.isSafeInteger(x) && x >= min && x <= max,
  );
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
