// @part backend
/** `remdm eval --task` on the bundled model: what it prints and keeps, stopped and gone on with. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { checkItems, readTask } from "../../src/evaluation/tasks/taskFile.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { readAnswers } from "../../src/index.ts";
import { startProgram, until } from "./support/program.ts";

/** A part of the example: some items of each scorer. */
const WANTED = /"id":"(countdown-[1-5]|contains-\d|number-\d|choice-[345])"/;

let cwd = "";
let task = "";
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "remdm-task-"));
  const example = join(packageRoot, "examples", "tasks", "mixed.jsonl");
  const lines = readFileSync(example, "utf8").split("\n");
  task = join(cwd, "task.jsonl");
  writeFileSync(task, lines.filter((line) => WANTED.test(line)).join("\n"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const FLAGS = ["--answer-length", "8", "--steps", "4", "--device", "cpu", "--concurrency", "1"];

function start(...args: string[]) {
  return startProgram(["eval", "--task", task, ...FLAGS, ...args], { cwd, env: {} });
}

it("Ctrl-C keeps what is finished, --resume goes on, and --against is paired", async () => {
  const out = join(cwd, "mdlm.jsonl");
  const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n");
  const mdlm = ["--strategy", "mdlm", "--out", out];

  const { child, end } = start(...mdlm);
  await until(() => existsSync(out) && linesOf(out).length > 2);
  child.kill("SIGINT");
  const stopped = await end;
  expect(stopped.code).toBe(130);
  const [, done] = /Stopped\. (\d+) of 14 answers kept in .*mdlm\.jsonl; --resume/.exec(
    stopped.stderr,
  ) ?? ["", "none"];
  const kept = await readAnswers(out);
  expect(kept.answers).toHaveLength(Number(done));
  expect(kept.answers.length).toBeLessThan(14);
  expect(linesOf(out).at(-1)).toBe("");

  const whole = await start(...mdlm, "--resume").end;
  expect({ code: whole.code, stderr: whole.stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      new RegExp(`^${14 - kept.answers.length} answers in .* s; ${done} were there$`, "m"),
    ),
  });
  const answers = await readAnswers(out);
  expect(answers.answers.slice(0, kept.answers.length)).toEqual(kept.answers);
  const items = checkItems(await readTask(task));
  expect(answers.answers.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
  expect(answers.run).toMatchObject({ checkpoint: "demo", items: 14, strategy: { kind: "mdlm" } });
  for (const one of answers.answers) {
    const isChoice = one.scorer === "choice";
    expect(one.logLikelihoods !== undefined).toBe(isChoice);
    expect(one.finishReason !== undefined).toBe(!isChoice);
  }
  expect(whole.stdout).toMatch(/^.*task\.jsonl: 14 items, 14 answers of demo\n/);
  expect(whole.stdout).toMatch(/^countdown +5 +5 {2}\d\.\d{3} ± \d\.\d{3}$/m);
  expect(whole.stdout).toMatch(/^choice +3 +3 {2}0\.667 ± 0\.333$/m);

  const other = await start("--against", out, "--json", "--quiet", "--strategy", "remdm-cap").end;
  expect({ code: other.code, stderr: other.stderr }).toEqual({ code: 0, stderr: "" });
  const { comparison, scores, run } = JSON.parse(other.stdout) as Record<string, object>;
  expect(run).toMatchObject({ strategy: { kind: "remdm-cap" } });
  expect(scores).toMatchObject({ all: { items: 14, answers: 14 } });
  // Choices are weighed by the same noise, whatever the strategy.
  const same = { items: 3, mean: 0, standardError: 0, better: 0, equal: 3, worse: 0 };
  expect(comparison).toMatchObject({ all: { items: 14 }, byScorer: { choice: same } });
}, 120_000);
