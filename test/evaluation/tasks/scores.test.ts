import { describe, expect, it } from "@jest/globals";
import { readAnswers } from "../../../src/evaluation/tasks/answersFile.ts";
import {
  compareTasks,
  mismatchOf,
  scoresOf,
  type TaskAnswer,
} from "../../../src/evaluation/tasks/scores.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

/** @param scores of the repeats of each item, by its id. */
function answers(
  scores: Readonly<Record<string, readonly number[]>>,
  scorer: TaskAnswer["scorer"] = "exact",
): TaskAnswer[] {
  return Object.entries(scores).flatMap(([id, some]) =>
    some.map((score, repeat) => ({ id, repeat, scorer, answer: "", score })),
  );
}

describe("scores", () => {
  it("have the error of a mean of items: sqrt(p (1 - p) / (n - 1)) for one answer each", () => {
    const { all } = scoresOf(answers({ a: [1], b: [0], c: [1], d: [1] }));
    expect(all).toMatchObject({ items: 4, answers: 4, mean: 0.75 });
    expect(all.standardError).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 3), 12);
  });

  it("are clustered by item: repeats that agree add no certainty", () => {
    const once = scoresOf(answers({ a: [1], b: [0], c: [1] })).all;
    const often = scoresOf(answers({ a: [1, 1, 1], b: [0, 0, 0], c: [1, 1, 1] })).all;
    expect(often).toEqual({ ...once, answers: 9 });
    // Means of items 1/2, 1, 0: variance 1/4.
    const mixed = scoresOf(answers({ a: [1, 0], b: [1, 1], c: [0, 0] })).all;
    expect(mixed.mean).toBe(0.5);
    expect(mixed.standardError).toBeCloseTo(Math.sqrt(0.25 / 3), 12);
  });

  it("are told for each scorer that there is", () => {
    const both = [...answers({ a: [1] }), ...answers({ b: [0], c: [1] }, "number")];
    const { all, byScorer } = scoresOf(both);
    expect(Object.keys(byScorer)).toEqual(["exact", "number"]);
    expect(byScorer.number).toMatchObject({ items: 2, mean: 0.5 });
    expect(byScorer.exact?.standardError).toBeNaN();
    expect(all.items).toBe(3);
  });
});

describe("a comparison", () => {
  it("has the error of the differences of items", () => {
    const ours = answers({ a: [1], b: [1], c: [0], d: [1] });
    const theirs = answers({ d: [0], c: [0], b: [1], a: [0] });
    const { all } = compareTasks(ours, theirs);
    // Differences 1, 0, 0, 1: mean 1/2, variance 1/3, error sqrt(1/3/4).
    expect(all).toMatchObject({ items: 4, mean: 0.5, better: 2, equal: 2, worse: 0 });
    expect(all.standardError).toBeCloseTo(Math.sqrt(1 / 12), 12);
  });

  it("takes different numbers of repeats", () => {
    const { all } = compareTasks(answers({ a: [1, 0], b: [0] }), answers({ a: [1], b: [0, 0] }));
    // Differences -1/2, 0.
    expect(all).toMatchObject({ items: 2, mean: -0.25, better: 0, equal: 1, worse: 1 });
    expect(all.standardError).toBeCloseTo(0.25, 12);
  });

  it("refuses other items, and names them", () => {
    const ours = answers({ a: [1], b: [1] });
    expect(() => compareTasks(ours, answers({ a: [1], c: [1] }))).toThrow(
      'Only the first evaluation has the items "b"; Only the second evaluation has the items "c"',
    );
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`n${i}`, [1]]));
    expect(mismatchOf(ours, answers({ a: [1], b: [1], ...many }), ["x", "y"])).toBe(
      'Only y has the items "n0", "n1", "n2", "n3", "n4" and 3 more',
    );
    expect(() => compareTasks(ours, answers({ a: [1], b: [1] }, "number"))).toThrow(
      'the second evaluation has another scorer for the items "a", "b"',
    );
  });
});

describe("a file of answers", () => {
  const answer = '{"id":"a","repeat":0,"scorer":"exact","answer":"x","score":1}';

  it("has the settings, and the answers", async () => {
    const path = file("answers.jsonl", `{"run":{"seed":1}}\n${answer}\n`);
    expect(await readAnswers(path)).toEqual({ run: { seed: 1 }, answers: [JSON.parse(answer)] });
    expect(await readAnswers(file("bare.jsonl", answer))).toEqual({
      answers: [JSON.parse(answer)],
    });
  });

  it.each<[string, string]>([
    ["7", "must be an object"],
    [answer, "has an answer that is there already (a)"],
    [answer.replace('"a"', "7"), "must have `id`, a text"],
    [answer.replace("0", "-1"), "must have `repeat`, a whole number from 0 on"],
    [answer.replace("exact", "other"), "must have `scorer`, one of exact"],
    [answer.replace('"x"', "null"), "must have `answer`, a text"],
    [answer.replace('"score":1', '"score":2'), "must have `score`, a number in [0, 1]"],
    [answer.replace('"score":1', '"score":NaN'), "must have `score`, a number in [0, 1]"],
  ])("is refused with the line %s", async (line, problem) => {
    const path = file("answers.jsonl", `${answer}\n${line}\n`);
    await expect(readAnswers(path)).rejects.toThrow(`${path}, line 2, ${problem}`);
  });

  it("is refused without answers", async () => {
    await expect(readAnswers(file("none.jsonl", '{"run":{}}'))).rejects.toThrow("no answers");
  });
});
