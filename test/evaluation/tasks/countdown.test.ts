import { describe, expect, it } from "@jest/globals";
import {
  expressionIn,
  judgeCountdown,
  type Countdown,
} from "../../../src/evaluation/tasks/countdown.ts";
import { compute, LONGEST_EXPRESSION } from "../../../src/evaluation/tasks/expression.ts";
import { rationalText } from "../../../src/evaluation/tasks/rational.ts";

describe("an expression", () => {
  it.each<[string, string]>([
    ["1+2*3", "7"],
    ["(1+2)*3", "9"],
    ["8/3/2", "4/3"],
    ["7-2-1", "4"],
    ["((((5))))", "5"],
    ["2*(3+(4-1)*(2))", "18"],
    ["-3+5", "2"],
    ["4*-2", "-8"],
    ["4--2", "6"],
    ["(-3)*(-3)", "9"],
    [" 1 +\t2 ", "3"],
    ["1/3+1/3+1/3", "1"],
    ["007+1", "8"],
    ["9007199254740991*9007199254740991", "81129638414606663681390495662081"],
  ])("%s is %s", (text, value) => {
    const computed = compute(text);
    expect("value" in computed && rationalText(computed.value)).toBe(value);
  });

  it.each<[string, string]>([
    ["", "ends too early"],
    ["1+", "ends too early"],
    ["(1+2", "lacks a closing bracket"],
    ["1+2)", "has an unexpected )"],
    ["1 2", "has an unexpected 2"],
    ["2(3)", "has an unexpected ("],
    ["2**3", "has an unexpected *"],
    ["*3", "has an unexpected *"],
    ["+3", "has an unexpected +"],
    ["1.5*2", 'has ".5*2"'],
    ["1e3", 'has "e3"'],
    ["__import__", 'has "__import"'],
    ["1/0", "divides by zero"],
    ["1/(3-3)", "divides by zero"],
    ["9007199254740992", "has an unexpected 9007199254740992"],
  ])("%j %s", (text, problem) => {
    expect(compute(text)).toEqual({ problem });
  });

  it("is bounded in its length, and so in its depth", () => {
    const deep = (n: number): string => `${"(".repeat(n)}1${")".repeat(n)}`;
    expect(compute(deep(LONGEST_EXPRESSION / 2 - 1))).toMatchObject({ numbers: [1] });
    const problem = `has more than ${LONGEST_EXPRESSION} characters`;
    expect(compute(deep(LONGEST_EXPRESSION))).toEqual({ problem });
  });
});

describe("the expression of an answer", () => {
  it.each<[string, string]>([
    ["3*8", "3*8"],
    ["The answer is (3 + 5) * 3 = 24.", "(3 + 5) * 3"],
    ["24 = 3*8", "3*8"],
    ["= 24", ""],
    ["6*4 = 2*12 = 24", "6*4"],
    ["3+5=8, 8*3=24", "8*3"],
    ["first 1+1, but better 3*8!", "3*8"],
    ["3 \u00d7 8 \u2212 0 \u00f7 2", "3 * 8 - 0 / 2"],
    ["$3 \\times 8 \\div 1$", "3 * 8 / 1"],
    ["- 3*8", "3*8"],
    ["-3+27", "-3+27"],
    ["1. 3*8", "3*8"],
    ["**(3+5)*3**", "(3+5)*3"],
    ["(that is, 3*8)", "3*8"],
    ["1.5*2", "1.5*2"],
    ["<answer> 3*8 </answer> and 1+1", "3*8"],
    ["<answer>1+1</answer> no, <answer>3*8 = 24</answer>", "3*8"],
    ["<answer>none</answer> 3*8", ""],
    ["3*8\n= 24", "3*8"],
    ["1) 3*8 = 24", "3*8"],
    ["(1) 3*8", "3*8"],
    ["(1) (3+5)*3", "(3+5)*3"],
    ["3\\*8", "3*8"],
    ["3\u00a0* 8", "3 * 8"],
    ["", ""],
  ])("%j is %j", (answer, expression) => {
    expect(expressionIn(answer) ?? "").toBe(expression);
  });
});

it("is found in a long answer in no time", () => {
  for (const part of ["-", "(", ")", "1+", "1 ", "=", "1=", " ", "<answer>"]) {
    const problem = /has more than|no expression|unexpected/;
    const { problem: said } = judgeCountdown(`1${part.repeat(100_000)}+1`, TASK);
    expect(said).toMatch(problem);
  }
});

const TASK: Countdown = { numbers: [3, 3, 8, 8], target: 24, use: "all" };

describe("an answer of Countdown", () => {
  it("is right with each number once and the exact value", () => {
    expect(judgeCountdown("8/(3-8/3)", TASK)).toEqual({ expression: "8/(3-8/3)" });
    expect(judgeCountdown("8 / (3 - 8 / 3) = 24", TASK).problem).toBeUndefined();
  });

  it.each<[string, string]>([
    ["3*8", "2 numbers not used: 3, 8"],
    ["3*8+3-3+8-8", "The number 3 is used too often"],
    ["3*8+24-24", "The number 24 is not given"],
    ["33-8-8", "The number 33 is not given"],
    ["3+3+8+8", "The value is 22"],
    ["8/(3-3)*8", "The expression divides by zero"],
    ["8/(3+8/3)", "The value is 24/17"],
    ["24", "The answer has no expression"],
  ])("%s is wrong: %s", (answer, problem) => {
    expect(judgeCountdown(answer, TASK).problem).toBe(problem);
  });

  it.each([
    ...[
      "3*8*1^2",
      "3*8*1\u00b2",
      "9^3*8*1",
      "5! + 3*8*1",
      "sqrt(3)*8*1",
      "\u221a(3)*8*1",
      ".3*8*1",
    ],
    ...["3*8*1 % 7", "2,3*8*1", "3.0*8*1", "3*8*1!+2", "f(3*8*1)"],
  ])("is wrong where %s has what no expression has", (answer) => {
    const task: Countdown = { numbers: [3, 8, 1], target: 24, use: "all" };
    expect(judgeCountdown(answer, task).problem).toMatch(/^The expression has/);
    expect(judgeCountdown("3*8*1", task).problem).toBeUndefined();
  });

  it("may leave numbers out where the task says so, and never repeat one", () => {
    const some = { ...TASK, use: "some" } as const;
    expect(judgeCountdown("3*8", some)).toEqual({ expression: "3*8" });
    expect(judgeCountdown("8+8+8", some).problem).toBe("The number 8 is used too often");
  });

  it("may have a target below 0", () => {
    expect(judgeCountdown("3-8", { numbers: [3, 8], target: -5, use: "all" })).toEqual({
      expression: "3-8",
    });
  });
});
