/**
 * Scores answers of Countdown: an expression of the given numbers that equals the target. Each
 * number is used exactly once, as TinyZero and d1 have it; `use: "some"` allows each at most once,
 * as the game on television does.
 */
import { counted } from "../../foundation/messages.ts";
import { compute } from "./expression.ts";
import { areEqual, rational, rationalText } from "./rational.ts";

export interface Countdown {
  readonly numbers: readonly number[];
  readonly target: number;
  /** Whether every number must be used. */
  readonly use: "all" | "some";
}

export interface CountdownVerdict {
  /** The expression that was found, with the signs of ASCII. */
  readonly expression?: string;
  /** Why the answer is wrong; absent where it is right. */
  readonly problem?: string;
}

/**
 * What may stand in an expression, or in several that `=` joins; and what belongs to it although
 * no expression may have it: powers, factorials, remainders, decimals, functions.
 */
const CHAIN =
  /(?:[\d+\-*/()= \t^!%\u00b2\u00b3\u00b9\u2070-\u2079]|(?<![\p{L}.])\.(?=\d)|(?<=\d),(?=\d)|[\p{L}\u221a]{1,8}(?=\())+/gu;
const HAS_OPERATOR = /\d[\s)]*[-+*/][\s(-]*\d/;

/** Other writings of the signs. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/[\u2212\u2013]/g, "-"],
  [/\u00d7|\u22c5|\u00b7|\\times|\\cdot/g, "*"],
  [/\u00f7|\\div/g, "/"],
  [/\\\*/g, "*"],
  [/[\u00a0\u2009\u202f]/g, " "],
];

/** Says whether an answer solves the task, and what its expression is. */
export function judgeCountdown(
  answer: string,
  { numbers, target, use }: Countdown,
): CountdownVerdict {
  const expression = expressionIn(answer);
  if (expression === undefined) return { problem: "The answer has no expression" };
  const wrong = (problem: string): CountdownVerdict => ({ expression, problem });
  const computed = compute(expression);
  if ("problem" in computed) return wrong(`The expression ${computed.problem}`);
  const left = [...numbers];
  for (const number of computed.numbers) {
    const at = left.indexOf(number);
    const known = numbers.includes(number);
    if (at < 0) return wrong(`The number ${number} is ${known ? "used too often" : "not given"}`);
    left.splice(at, 1);
  }
  if (use === "all" && left.length > 0) {
    return wrong(`${counted(left.length, "number")} not used: ${left.join(", ")}`);
  }
  const wanted = rational(BigInt(target));
  const isRight = wanted !== undefined && areEqual(computed.value, wanted);
  return isRight ? { expression } : wrong(`The value is ${rationalText(computed.value)}`);
}

/**
 * Finds the expression of an answer: in its last `<answer>...</answer>`, or in the whole of it, the
 * last expression with an operator. Where `=` joins several, as in `6*4 = 2*12 = 24`, it is the
 * first of these.
 */
export function expressionIn(answer: string): string | undefined {
  const text = SIGNS.reduce((said, [sign, by]) => said.replace(sign, by), tagged(answer));
  const chains = Array.from(text.matchAll(CHAIN), ([chain]) => chain);
  const last = chains.findLast((chain) => HAS_OPERATOR.test(chain));
  const found = last?.split("=").find((part) => HAS_OPERATOR.test(part));
  return found === undefined ? undefined : trimmed(found);
}

/** Returns what stands in the last tags; the whole where there are none. */
function tagged(answer: string): string {
  const end = answer.lastIndexOf("</answer>");
  const begin = end < 0 ? -1 : answer.lastIndexOf("<answer>", end);
  return begin < 0 ? answer : answer.slice(begin + "<answer>".length, end);
}

/** Takes away what belongs to the sentence around it: the mark of a list, a lone bracket. */
function trimmed(text: string): string {
  let from = /^(?:[\s+*/)!%,]|-\s)*(?:\(?\d+\)\s+(?=[\d(]))?/.exec(text)?.[0].length ?? 0;
  let to = text.length;
  const isDangling = (character: string): boolean => "-+*/( \t!".includes(character);
  while (to > from && isDangling(text[to - 1])) to--;
  const count = (bracket: string): number => text.slice(from, to).split(bracket).length - 1;
  let extra = count(")") - count("(");
  for (; extra > 0 && text[to - 1] === ")"; extra--) to--;
  for (; extra < 0 && text[from] === "("; extra++) from++;
  return text.slice(from, to).trim();
}
