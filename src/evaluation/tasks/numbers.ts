/**
 * Finds numbers in texts: `1,234.5`, `-3`, `$12`, `3/4`, `2e3`. A comma separates thousands where
 * groups of exactly three digits follow it, and is punctuation elsewhere. A minus is a sign unless
 * a letter, a digit or a closing bracket stands right before it: `5-3` ends in 3. The minus of
 * Unicode (U+2212) is one too.
 */
import { rational, type Rational } from "./rational.ts";

export interface FoundNumber {
  /** As the text has it. */
  readonly text: string;
  readonly value: Rational;
}

/** A number of more characters than this is none. */
const LONGEST = 400;

const SIGN = String.raw`(?:(?<![\p{L}\p{N})\]])[-+\u2212])?`;
const WHOLE = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)`;
const PART = String.raw`(?:\.\d+)?(?:[eE][-+\u2212]?\d{1,3}(?!\d))?`;
const NUMBER = String.raw`${SIGN}[$\u20ac\u00a3]?(?:${WHOLE}${PART}(?:/\d+(?!\d|\.\d))?|(?<!\d)\.\d+)`;
const ANYWHERE = new RegExp(NUMBER, "gu");
const ALONE = new RegExp(`^${NUMBER}$`, "u");

/** Returns the last number of a text; undefined where there is none. */
export function lastNumber(text: string): FoundNumber | undefined {
  const found = Array.from(text.matchAll(ANYWHERE), ([number]) => number).reverse();
  for (const number of found) {
    const value = valueOf(number);
    if (value !== undefined) return { text: number, value };
  }
  return undefined;
}

/** Reads a text that is one number and nothing else; undefined for any other text. */
export function numberAlone(text: string): Rational | undefined {
  const trimmed = text.trim();
  return ALONE.test(trimmed) ? valueOf(trimmed) : undefined;
}

/** Returns undefined for a fraction with the denominator 0, and for a number that is too long. */
function valueOf(number: string): Rational | undefined {
  if (number.length > LONGEST) return undefined;
  const plain = number.replaceAll("\u2212", "-").replace(/[,$\u20ac\u00a3+]/g, "");
  const [decimal, below = "1"] = plain.split("/");
  const [mantissa, exponent = "0"] = decimal.toLowerCase().split("e");
  const [whole, part = ""] = mantissa.split(".");
  const digits = `${whole.replace("-", "")}${part}`;
  const power = Number(exponent) - part.length;
  const magnitude = BigInt(digits) * 10n ** BigInt(Math.max(0, power));
  const above = whole.startsWith("-") ? -magnitude : magnitude;
  return rational(above, BigInt(below) * 10n ** BigInt(Math.max(0, -power)));
}
