/** `remdm experiment`: what it says before it starts anything. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { experimentFacts, experimentView } from "../../../../src/cli/terminal/experimentView.ts";
import { ProgressRenderer } from "../../../../src/cli/terminal/progressRenderer.ts";
import type { ExperimentProgress } from "../../../../src/experiment/run/progress.ts";
import { packageRoot } from "../../../../src/foundation/packageRoot.ts";
import { BuiltPackage } from "../../../backend/support/builtPackage.ts";

let built: BuiltPackage;
let scratch = "";
beforeAll(() => {
  built = new BuiltPackage();
  scratch = mkdtempSync(join(tmpdir(), "remdm-cli-exp-"));
});
afterAll(() => {
  built.remove();
  rmSync(scratch, { recursive: true, force: true });
});

async function remdm(...args: string[]) {
  const given = JSON.stringify(["experiment", ...args]);
  const { stdout, stderr, exitCode } = await built.run(
    `import { main } from "./dist/cli/program.js"; await main(${given});`,
  );
  return { stdout, stderr, exitCode };
}

const out = (): string[] => ["--out", join(scratch, "out")];

describe("bad usage ends with 2, before anything starts", () => {
  it.each([
    [[], "There is no experiment"],
    [["x.yaml", "--preset", "mdlm"], "are two experiments"],
    [["--preset", "mdlm"], "A preset needs a model"],
    [["--preset", "mdlm", "--checkpoint", "demo"], "A preset needs a judge"],
    [["x.yaml", "--no-judge"], "--no-judge belongs to --preset"],
    [["x.yaml", "--raw-weights"], "--raw-weights belongs to --preset"],
    [["--preset", "remdm-cup", "--checkpoint", "demo", "--no-judge"], "There is no preset"],
    [["x.yaml", "--samples", "4"], "--samples belongs to --preset"],
    [["x.yaml", "--steps", "4,4"], "stands there twice"],
    [
      ["--preset", "remdm-cap", "--checkpoint", "demo", "--no-judge", "--steps", "700", "--print"],
      "which has none",
    ],
    [
      ["--preset", "mdlm", "--checkpoint", "demo", "--no-judge", "--samples", "0"],
      "samples must be",
    ],
  ])("%j", async (args, message) => {
    const { stderr, exitCode, stdout } = await remdm(...args, ...out());
    expect(stderr).toMatch(new RegExp(message));
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  });
});

describe("a path with nothing at it is a failure, which ends with 1, as with the other commands", () => {
  const preset = (...more: string[]) => ["--preset", "mdlm", ...more];
  it.each([
    [["nothing.yaml"], "The experiment nothing.yaml cannot be read"],
    [preset("--checkpoint", "no.ckpt", "--no-judge"), "There is no checkpoint at .*no.ckpt"],
    [
      preset("--checkpoint", "demo", "--judge", "./no"),
      "There is no checkpoint at .*/no\\n.*`demo-ar`",
    ],
    [
      preset("--checkpoint", "demo", "--no-judge", "--references", "no.txt"),
      "no.txt cannot be read",
    ],
  ])("%j", async (args, message) => {
    const { stderr, exitCode, stdout } = await remdm(...args, ...out());
    expect(stderr).toMatch(new RegExp(message));
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });
});

it.each([
  ["fewer samples than MAUVE needs", "mauve: {}", 2, "has 19 samples, too few for MAUVE"],
  [
    "MAUVE without a judge",
    "mauve: {}\njudge: false",
    2,
    "mauve asks for MAUVE, which needs a judge",
  ],
  ["fewer samples where nobody asks for it", "# mauve is not named", 0, ""],
])("an experiment with %s", async (_, line, code, message) => {
  const references = JSON.stringify(join(packageRoot, "examples/data/shakespeare-held-out.txt"));
  const model = "models: [{ checkpoint: demo, strategies: [mdlm] }]";
  const head = `name: few\nsamples: 19\nsteps: 4\nreferences: ${references}\n`;
  const file = join(scratch, "few.yaml");
  writeFileSync(file, `${head}${line}\n${model}\n`);
  const { stderr, exitCode } = await remdm(file, "--dry-run");
  expect({ exitCode, told: stderr.includes(message) }).toEqual({ exitCode: code, told: true });
});

it("prints what a preset stands for, with the paper's eta said", async () => {
  const args = ["--preset", "remdm-loop", "--checkpoint", "demo", "--no-judge"];
  const { stdout, exitCode } = await remdm(
    ...args,
    ...["--steps", "256", "--references", "package.json", "--device", "cpu", "--print"],
    "--raw-weights",
  );
  expect(exitCode ?? 0).toBe(0);
  expect(stdout).toContain("The paper's eta: 0.055 with 256 steps.");
  expect(stdout).toMatch(/^samples: 5000$/m);
  expect(stdout).toMatch(/^judge: false$/m);
  expect(stdout).toMatch(/^device: cpu$/m);
  expect(stdout).toMatch(/^ {4}rawWeights: true$/m);
  expect(stdout).toMatch(/^references: \/.*package\.json$/m);
});

it("lists cells and their cost, and makes nothing", async () => {
  const args = ["--preset", "mdlm", "--checkpoint", "demo", "--no-judge", "--dry-run"];
  const { stdout } = await remdm(...args, "--samples", "10", "--steps", "8,16");
  expect(stdout).toMatch(/^demo_MDLM_T8_p0\.9_seed1 {2}10 samples, about 9 calls each$/m);
  expect(stdout).toMatch(/mdlm: 2 cells, 20 samples, about 2\d\d rows/);
});

const PROGRESS: ExperimentProgress = {
  stage: "sampling",
  what: "a",
  finishedCells: 1,
  cells: 3,
  finishedSamples: 7,
  samples: 24,
  share: 0.345,
  secondsLeft: 3667,
};

it("says how much is done and how long it takes, a line a cell and every half minute", () => {
  expect(experimentFacts(PROGRESS)).toBe(" 34%  1/3 cells  7/24 samples  1:01:07 left  sampling a");
  const lines: string[] = [];
  let now = 0;
  const renderer = ProgressRenderer.plain(
    (line) => lines.push(line),
    () => now,
  );
  for (; now < 70_000; now += 100) renderer.show(experimentView(PROGRESS));
  expect(lines).toHaveLength(3);
  renderer.show(experimentView({ ...PROGRESS, what: "b" }));
  expect(lines).toHaveLength(4);
});
