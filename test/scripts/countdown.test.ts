/** The script that makes tasks of Countdown: every item can be solved, and comes again. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { countdownItems, readOptions } from "../../scripts/tasks/countdown.mjs";
import { checkItems } from "../../src/evaluation/tasks/taskFile.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const BASE = {
  ...{ seed: 1, count: 300, numbers: [3, 4], shots: 0 },
  range: [1, 99] as const,
  targets: [10, 100] as const,
};

describe("its items", () => {
  const items = countdownItems(BASE);

  it("can all be solved as their `expected` says, and are all different", () => {
    expect(checkItems(items)).toHaveLength(300); // it computes each `expected`
    expect(new Set(items.map(({ prompt }) => prompt)).size).toBe(300);
    for (const { numbers, target, prompt } of items) {
      expect([3, 4]).toContain(numbers.length);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...numbers)).toBeLessThanOrEqual(99);
      expect(target).toBeGreaterThanOrEqual(10);
      expect(target).toBeLessThanOrEqual(100);
      expect(prompt).toContain(`equals ${target}. Use each of the numbers ${numbers.join(", ")} `);
    }
    for (const sign of "+-*/") {
      const using = items.filter(({ expected }) => expected.includes(` ${sign} `));
      expect(using.length).toBeGreaterThan(10);
    }
    expect(items.some(({ expected }) => expected.includes("("))).toBe(true);
  });

  it("are those of the seed; fewer are the first ones", () => {
    expect(countdownItems({ ...BASE, count: 20 })).toEqual(items.slice(0, 20));
    expect(countdownItems({ ...BASE, count: 20, seed: 2 })).not.toEqual(items.slice(0, 20));
  });

  it("are the first of the example that docs/tasks.md has", () => {
    const example = readFileSync(join(packageRoot, "examples", "tasks", "mixed.jsonl"), "utf8");
    const lines = items.slice(0, 20).map((item) => `${JSON.stringify(item)}\n`);
    expect(example.startsWith(lines.join(""))).toBe(true);
  });

  it("come after solved examples that are no items, and then end with their line", () => {
    const [first, ...rest] = countdownItems({ ...BASE, count: 5, shots: 2 });
    const lines = first.prompt.split("\n");
    expect(lines).toHaveLength(3);
    const { numbers, target, expected } = items[0];
    const solved = `Numbers: ${numbers.join(", ")}. Target: ${target}. Expression: ${expected}`;
    expect(lines[0]).toBe(solved);
    expect(first.stop).toBe("\n");
    expect([first, ...rest].map((one) => one.target)).toEqual(
      items.slice(2, 7).map((one) => one.target),
    );
  });

  it("are refused where there are not so many", () => {
    const few = { ...BASE, numbers: [2], range: [1, 2] as const, targets: [1, 4] as const };
    expect(() => countdownItems(few)).toThrow(/^Only [1-5] of 300 different items were found/);
  });
});

describe("its command line", () => {
  const script = join(packageRoot, "scripts", "tasks", "countdown.mjs");

  it("prints an item a line", () => {
    const args = ["--seed", "7", "--count", "3", "--numbers", "3", "--targets", "1-20"];
    const printed = execFileSync(process.execPath, [script, ...args], { encoding: "utf8" });
    const lines = printed.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      countdownItems({ ...BASE, seed: 7, count: 3, numbers: [3], targets: [1, 20] }),
    );
  });

  it.each<[string[], string]>([
    [["--count", "0"], "--count must have integers in [1, 1000000]; got 0"],
    [["--numbers", "3,9"], "--numbers must have integers in [2, 8]; got 9"],
    [["--range", "9-3"], "--range must have integers in [9, 1000000]; got 3"],
    [["--range", "1-2-3"], "--range must be A-B; got 1-2-3"],
    [["--seed", "-1"], "--seed"],
    [["--color"], "--color"],
  ])("refuses %j", (args, problem) => {
    expect(() => readOptions(args)).toThrow(problem);
  });
});
