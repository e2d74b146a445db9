/** `remdm eval --task` without a model: its form, what it refuses, its file and its tables. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { AnswerFile, asJson } from "../../../../../src/cli/commands/eval/task/answerFile.ts";
import { evalTaskCommand, isAboutTask } from "../../../../../src/cli/commands/eval/task/command.ts";
import {
  describeComparison,
  describeScores,
} from "../../../../../src/cli/commands/eval/task/report.ts";
import { main } from "../../../../../src/cli/program.ts";
import {
  compareTasks,
  scoresOf,
  type TaskAnswer,
} from "../../../../../src/evaluation/tasks/scores.ts";
import { inProject } from "../../../support/inProject.ts";

const said = inProject("");

const ITEMS = `{"id":"a","prompt":"2 + 2 =","expected":"4","scorer":"number"}
{"id":"b","prompt":"ROMEO:","expected":"the","scorer":"contains"}
`;

describe("the form of eval", () => {
  it.each<[string[], boolean]>([
    [["eval", "--task", "a.jsonl"], true],
    [["eval", "--seed", "1", "--task=a.jsonl"], true],
    [["eval", "a.jsonl", "--tasks"], false],
    [["sample", "--task"], false],
    [["help", "eval"], false],
  ])("of %j is about a task: %p", (args, isTask) => {
    expect(isAboutTask(args)).toBe(isTask);
  });

  it("has the flags of sampling, except those that a task decides", () => {
    const flags = evalTaskCommand().options.map(({ long }) => long);
    for (const flag of ["--strategy", "--steps", "--eta", "--seed", "--checkpoint", "--executor"]) {
      expect(flags).toContain(flag);
    }
    for (const flag of ["--samples", "--prompt", "--length", "--guide", "--stride"]) {
      expect(flags).not.toContain(flag);
    }
    expect(new Set(flags).size).toBe(flags.length);
  });
});

describe("before a model is loaded", () => {
  it.each<[string[], number, string]>([
    [["--repeats", "0"], 2, "--repeats must be an integer in [1, 1000]; got 0"],
    [["--answer-length", "0"], 2, "--answer-length must be an integer of at least 1"],
    [["--likelihood-samples", "1"], 2, "--likelihood-samples must be an integer in [2, 65536]"],
    [["--concurrency", "0"], 2, "--concurrency must be an integer of at least 1"],
    [["--limit", "0"], 2, "--limit must be an integer of at least 1; got 0"],
    [["--top-p", "2"], 2, "--top-p must be"],
    [["--strategy", "nope"], 2, "nope"],
    [["--eta", "3"], 2, "--eta must be"],
    [["--resume"], 2, "--resume goes on with the file of --out, and there is none"],
    [["--out", "./task.jsonl", "--force"], 2, "--out is the file of --task"],
    [["--resume", "--force", "--out", "o"], 2, "--resume keeps what is in the file"],
    [["--scorer", "regex"], 2, "Allowed choices are exact, contains"],
    [["--against", "not-there.jsonl"], 1, "not-there.jsonl cannot be read"],
    [["--against", "other.jsonl"], 1, 'Only task.jsonl has the items "b"'],
    [["--out", "other.jsonl"], 1, "other.jsonl exists already"],
    [["--quiet"], 1, "/not/there"], // the Python of these tests
  ])("%j ends with %d: %s", async (args, code, message) => {
    writeFileSync("task.jsonl", ITEMS);
    const answer = { id: "a", repeat: 0, scorer: "number", answer: "", score: 0 };
    writeFileSync("other.jsonl", `${JSON.stringify(answer)}\n`);
    await main(["eval", "--task", "task.jsonl", ...args]);
    expect(said()).toContain(message);
    expect(process.exitCode).toBe(code);
    process.exitCode = 0;
    expect(existsSync("o")).toBe(false);
  });

  it("an item that is wrong is named by its line and field", async () => {
    writeFileSync("task.jsonl", `${ITEMS}{"prompt":"","scorer":"choice","choices":[]}\n`);
    await main(["eval", "--task", "task.jsonl", "--quiet"]);
    expect(said()).toMatch(/^error: task\.jsonl, line 3, must have an array .* as `choices`/);
    expect(process.exitCode).toBe(1);
    process.exitCode = 0;
  });
});

function answer(id: string, score: number, more: Partial<TaskAnswer> = {}): TaskAnswer {
  return { id, repeat: 0, scorer: "exact", answer: "x", score, ...more };
}

describe("the file of --out", () => {
  const run = asJson({
    task: "a",
    seed: 1n,
    big: 2n ** 60n,
    strategy: { kind: "mdlm" },
    none: undefined,
  });

  it("begins with the settings, and is gone on with where they are the same", () => {
    expect(run).toEqual({
      task: "a",
      seed: 1,
      big: "1152921504606846976",
      strategy: { kind: "mdlm" },
    });
    const fresh = { force: true, resume: false };
    {
      using file = new AnswerFile("answers.jsonl", fresh);
      expect(file.begin(run)).toEqual([]);
      file.append(answer("a", 1));
    }
    const lines = readFileSync("answers.jsonl", "utf8");
    expect(lines.split("\n").map((line) => line.slice(0, 6))).toEqual(['{"run"', '{"id":', ""]);
    writeFileSync("answers.jsonl", `${lines}{"id":"half`);
    {
      using file = new AnswerFile("answers.jsonl", { force: false, resume: true });
      expect(file.begin({ ...run, task: "b" })).toEqual([answer("a", 1)]);
      file.append(answer("b", 0));
    }
    expect(readFileSync("answers.jsonl", "utf8")).toBe(
      `${lines}${JSON.stringify(answer("b", 0))}\n`,
    );
    using file = new AnswerFile("answers.jsonl", { force: false, resume: true });
    expect(() => file.begin({ ...run, seed: 2, top: 1 })).toThrow(
      "answers.jsonl was made with other settings: seed was 1 and is 2; top was null and is 1",
    );
  });

  it("is made by --resume where there is none, and is not there without an answer", () => {
    {
      using file = new AnswerFile("none.jsonl", { force: false, resume: true });
      expect(file.begin(run)).toEqual([]);
    }
    expect(existsSync("none.jsonl")).toBe(false);
  });

  it("that remdm did not write is refused by its line", () => {
    writeFileSync("task.jsonl", ITEMS);
    const resume = (): unknown => new AnswerFile("task.jsonl", { force: false, resume: true });
    expect(resume).toThrow("Line 1 of task.jsonl was not written by remdm");
  });
});

describe("the tables", () => {
  const ours = [answer("a", 1), answer("b", 0), answer("c", 1, { scorer: "number" })];

  it("have a row a scorer, and one of all", () => {
    expect(describeScores(scoresOf(ours)).split("\n")).toEqual([
      "scorer  items  answers  score",
      "exact       2        2  0.500 ± 0.500",
      "number      1        1  1.000",
      "all         3        3  0.667 ± 0.333",
    ]);
  });

  it("of differences say how many items are better, equal and worse", () => {
    const theirs = [answer("a", 0), answer("b", 0), answer("c", 0, { scorer: "number" })];
    expect(describeComparison(compareTasks(theirs, ours), "o.jsonl").split("\n")).toEqual([
      "Difference to o.jsonl, paired by item:",
      "scorer  items  difference      better  equal  worse",
      "exact       2  -0.500 ± 0.500       0      1      1",
      "number      1  -1.000               0      0      1",
      "all         3  -0.667 ± 0.333       0      1      2",
    ]);
  });
});
