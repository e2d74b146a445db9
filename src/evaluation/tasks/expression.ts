/**
 * Reads and computes arithmetic expressions of whole numbers, `+ - * /` and brackets, exactly and
 * without running any code. A minus may stand before an operand. There are no powers and no
 * decimals, and a number beside a bracket is no product.
 */
import { calculate, rational, type Operator, type Rational } from "./rational.ts";

/** An expression of more characters than this is refused, which also bounds the nesting. */
export const LONGEST_EXPRESSION = 200;

export interface Computed {
  readonly value: Rational;
  /** The numbers that stand in it, in their order, without signs. */
  readonly numbers: readonly number[];
}

/** Says why a text is no expression, as a phrase that follows "the expression". */
export interface NotComputed {
  readonly problem: string;
}

class ExpressionProblem extends Error {}

/** Computes an expression of ASCII characters. */
export function compute(text: string): Computed | NotComputed {
  if (text.length > LONGEST_EXPRESSION) {
    return { problem: `has more than ${LONGEST_EXPRESSION} characters` };
  }
  try {
    return new Reader(text).all();
  } catch (error) {
    if (error instanceof ExpressionProblem) return { problem: error.message };
    throw error;
  }
}

const TOKEN = /\s*(\d+|[-+*/()])/y;

class Reader {
  readonly #tokens: readonly string[];
  readonly #numbers: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text.trimEnd());
  }

  all(): Computed {
    const value = this.#sum();
    const rest = this.#tokens.at(this.#at);
    if (rest !== undefined) throw new ExpressionProblem(`has an unexpected ${rest}`);
    return { value, numbers: this.#numbers };
  }

  #sum(): Rational {
    let value = this.#product();
    for (let sign = this.#take("+", "-"); sign !== undefined; sign = this.#take("+", "-")) {
      value = result(value, sign, this.#product());
    }
    return value;
  }

  #product(): Rational {
    let value = this.#operand();
    for (let sign = this.#take("*", "/"); sign !== undefined; sign = this.#take("*", "/")) {
      value = result(value, sign, this.#operand());
    }
    return value;
  }

  #operand(): Rational {
    if (this.#take("-") !== undefined) {
      return result({ above: 0n, below: 1n }, "-", this.#operand());
    }
    const token = this.#tokens.at(this.#at);
    if (token === undefined) throw new ExpressionProblem("ends too early");
    this.#at++;
    if (token === "(") {
      const value = this.#sum();
      if (this.#tokens.at(this.#at) !== ")") throw new ExpressionProblem("lacks a closing bracket");
      this.#at++;
      return value;
    }
    const number = Number(token);
    const value = Number.isSafeInteger(number) ? rational(BigInt(number)) : undefined;
    if (value === undefined) throw new ExpressionProblem(`has an unexpected ${token}`);
    this.#numbers.push(number);
    return value;
  }

  #take<Sign extends Operator>(...signs: readonly Sign[]): Sign | undefined {
    const token = this.#tokens.at(this.#at);
    const sign = signs.find((one) => one === token);
    if (sign !== undefined) this.#at++;
    return sign;
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null)
      throw new ExpressionProblem(`has ${JSON.stringify(text.slice(at, at + 8))}`);
    tokens.push(found[1]);
  }
  return tokens;
}

function result(a: Rational, operator: Operator, b: Rational): Rational {
  const value = calculate(a, operator, b);
  if (value === undefined) throw new ExpressionProblem("divides by zero");
  return value;
}
