import { describe, expect, it } from "@jest/globals";
import { readItem, type TaskItem } from "../../../src/evaluation/tasks/item.ts";
import { cutAtStop, scoreAnswer } from "../../../src/evaluation/tasks/scoreAnswer.ts";

function verdict(item: TaskItem, answer: string) {
  const read = readItem(item, 1);
  if (read.scorer === "choice") throw new Error("a choice has no sampled answer");
  return scoreAnswer(answer, read);
}

describe("exact", () => {
  const item: TaskItem = { prompt: "", scorer: "exact", expected: ["caf\u00e9", " two words "] };

  it.each<[string, number]>([
    ["caf\u00e9", 1],
    ["  cafe\u0301\n", 1],
    ["two words", 1],
    ["two  words", 0],
    ["Caf\u00e9", 0],
    ["caf\u00e9.", 0],
    ["", 0],
  ])("scores %j with %d", (answer, score) => {
    const extracted = answer.trim().normalize("NFC");
    expect(verdict(item, answer)).toEqual({ score, extracted });
  });
});

describe("contains", () => {
  const item: TaskItem = { prompt: "", scorer: "contains", expected: ["Paris", "caf\u00e9"] };

  it("finds any of the texts anywhere, in any normal form, and tells which", () => {
    expect(verdict(item, "It is Paris.")).toEqual({ score: 1, extracted: "Paris" });
    expect(verdict(item, "un cafe\u0301s")).toEqual({ score: 1, extracted: "caf\u00e9" });
    expect(verdict(item, "paris")).toEqual({ score: 0 });
  });

  it("keeps the blanks of a text, which tell a word from a part of one", () => {
    const cat: TaskItem = { prompt: "", scorer: "contains", expected: " cat" };
    expect(verdict(cat, "a cat").score).toBe(1);
    expect(verdict(cat, "concat").score).toBe(0);
  });
});

describe("number", () => {
  it("compares the last number exactly", () => {
    const item: TaskItem = { prompt: "", scorer: "number", expected: ["1,234.5", 0.1] };
    expect(verdict(item, "so it is 1234.50 m")).toEqual({ score: 1, extracted: "1234.50" });
    expect(verdict(item, "2469/2")).toEqual({ score: 1, extracted: "2469/2" });
    expect(verdict(item, "1/10")).toEqual({ score: 1, extracted: "1/10" });
    expect(verdict(item, "1234.5, or 7")).toEqual({ score: 0, extracted: "7" });
    expect(verdict(item, "many")).toEqual({ score: 0 });
  });
});

describe("countdown", () => {
  it("tells the expression, and what is wrong with it", () => {
    const item: TaskItem = { prompt: "", scorer: "countdown", numbers: [3, 8], target: 24 };
    expect(verdict(item, "3 * 8 = 24")).toEqual({ score: 1, extracted: "3 * 8" });
    const problem = "The value is 11";
    expect(verdict(item, "3+8")).toEqual({ score: 0, extracted: "3+8", problem });
  });
});

it("an answer ends before the first text that stops it", () => {
  expect(cutAtStop("4\nQ: 3", ["Q:", "\n"])).toBe("4");
  expect(cutAtStop("\n4", ["\n"])).toBe("");
  expect(cutAtStop("4", ["\n"])).toBe("4");
  expect(cutAtStop("4\n", [])).toBe("4\n");
});
