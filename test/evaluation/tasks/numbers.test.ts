import { describe, expect, it } from "@jest/globals";
import { lastNumber, numberAlone } from "../../../src/evaluation/tasks/numbers.ts";
import { rationalText } from "../../../src/evaluation/tasks/rational.ts";

/** The text of the last number, and its value. */
function last(text: string): [string, string] | undefined {
  const found = lastNumber(text);
  return found && [found.text, rationalText(found.value)];
}

describe("the last number of a text", () => {
  it.each<[string, string, string]>([
    ["The answer is 24.", "24", "24"],
    ["12 apples, then 7", "7", "7"],
    ["costs 1,234.5 in all", "1,234.5", "2469/2"],
    ["12,345,678", "12,345,678", "12345678"],
    ["1,2", "2", "2"],
    ["12,3456", "3456", "3456"],
    ["x = -3", "-3", "-3"],
    ["x = \u22123", "\u22123", "-3"],
    ["5-3", "3", "3"],
    ["(5)-3", "3", "3"],
    ["5 -3", "-3", "-3"],
    ["it is +4", "+4", "4"],
    ["$1,200", "$1,200", "1200"],
    ["-$5.50", "-$5.50", "-11/2"],
    [".5 or so", ".5", "1/2"],
    ["-.5", "-.5", "-1/2"],
    ["3/4 of it", "3/4", "3/4"],
    ["-6/8", "-6/8", "-3/4"],
    ["50%", "50", "50"],
    ["2e3", "2e3", "2000"],
    ["1.5E-2", "1.5E-2", "3/200"],
    ["007", "007", "7"],
    ["#### 18\n", "18", "18"],
    ["\\boxed{42}", "42", "42"],
    ["version 1.2.3", "3", "3"],
  ])("of %j is %s", (text, number, value) => {
    expect(last(text)).toEqual([number, value]);
  });

  it.each(["", "none at all", "VII", "\u0664\u0662"])("is missing in %j", (text) => {
    expect(lastNumber(text)).toBeUndefined();
  });

  it("is not one with the denominator 0, nor one of very many digits", () => {
    expect(last("7 and 1/0")).toEqual(["7", "7"]);
    expect(last(`7 and ${"9".repeat(401)}`)).toEqual(["7", "7"]);
    expect(last(`7 and ${"9".repeat(400)}`)?.[0]).toHaveLength(400);
  });

  it("is found in a long text in no time", () => {
    const started = performance.now();
    lastNumber("1,".repeat(100_000));
    lastNumber("1,111".repeat(50_000));
    lastNumber("-".repeat(200_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe("a text that is a number", () => {
  it.each(["4", " 4 ", "-1,000", "3/4", "1e21", "1e+21", "-.5"])("%j is one", (text) => {
    expect(numberAlone(text)).toBeDefined();
  });

  it.each(["", "4 apples", "1,00", "4.", "1 2", "NaN", "Infinity", "1/0", "--4"])(
    "%j is none",
    (text) => {
      expect(numberAlone(text)).toBeUndefined();
    },
  );
});

it("reads a fraction that ends a sentence", () => {
  expect(lastNumber("The answer is 3/4.")?.text).toBe("3/4");
  expect(lastNumber("3/4.5")?.text).toBe("4.5");
});
