/** Exact rational numbers: answers are compared without rounding. */

/** A fraction in lowest terms; `below` is at least 1. */
export interface Rational {
  readonly above: bigint;
  readonly below: bigint;
}

/** Returns the fraction in lowest terms; undefined for a division by zero. */
export function rational(above: bigint, below = 1n): Rational | undefined {
  if (below === 0n) return undefined;
  const sign = below < 0n ? -1n : 1n;
  const divisor = sign * greatestCommonDivisor(above < 0n ? -above : above, sign * below);
  return { above: above / divisor, below: below / divisor };
}

export function areEqual(a: Rational, b: Rational): boolean {
  return a.above === b.above && a.below === b.below;
}

export type Operator = "+" | "-" | "*" | "/";

/** Returns the result; undefined for a division by zero. */
export function calculate(a: Rational, operator: Operator, b: Rational): Rational | undefined {
  switch (operator) {
    case "+":
      return rational(a.above * b.below + b.above * a.below, a.below * b.below);
    case "-":
      return rational(a.above * b.below - b.above * a.below, a.below * b.below);
    case "*":
      return rational(a.above * b.above, a.below * b.below);
    case "/":
      return rational(a.above * b.below, a.below * b.above);
  }
}

/** Writes a number for people: `24`, `-3/4`. */
export function rationalText({ above, below }: Rational): string {
  return below === 1n ? String(above) : `${above}/${below}`;
}

/** Of numbers from 0 on, of which one is above 0. */
function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
