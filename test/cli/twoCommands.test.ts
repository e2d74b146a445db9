// @part slow
/** The README's two commands one after the other, on the bundled models: few samples cost MAUVE alone. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { BuiltPackage } from "../backend/support/builtPackage.ts";

const references = join(packageRoot, "examples", "data", "shakespeare-held-out.txt");

let built: BuiltPackage;
beforeAll(() => {
  built = new BuiltPackage();
});
afterAll(() => built.remove());

async function remdm(...args: string[]) {
  const { stdout, stderr, exitCode } = await built.run(
    `import { main } from "./dist/cli/program.js"; await main(${JSON.stringify(args)});`,
  );
  return { stdout, stderr, exitCode };
}

async function sampled(count: number): Promise<string> {
  const path = join(built.scratch, `${count}.jsonl`);
  const few = ["--steps", "4", "--length", "32", "--device", "cpu", "--quiet"];
  const { exitCode, stderr } = await remdm(
    "sample",
    "--samples",
    `${count}`,
    "--out",
    path,
    ...few,
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return path;
}

const evaluated = async (path: string, ...more: string[]) =>
  remdm("eval", path, "--references", references, "--device", "cpu", "--quiet", ...more);

describe("sample, then eval", () => {
  it("prints all other measures of four samples, and leaves MAUVE out with a note and exit 0", async () => {
    const { stdout, stderr, exitCode } = await evaluated(await sampled(4));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const rows = ["entropy", "perplexity", "distinct-1", "distinct-2", "repetition", "known words"];
    for (const row of rows) expect(stdout).toMatch(new RegExp(`^${row} +\\d`, "m"));
    expect(stdout).toMatch(
      /^MAUVE was left out: MAUVE needs at least 20 samples .*; there are 4 and 4\.\n {2}Give 20/m,
    );
  }, 120_000);

  it("without mauve-text does the same, and fails where --mauve asks for it", async () => {
    const path = await sampled(24);
    const shadow = join(built.scratch, "shadow");
    mkdirSync(shadow);
    writeFileSync(join(shadow, "mauve.py"), "raise ImportError('not here')");
    const before = process.env.PYTHONPATH;
    process.env.PYTHONPATH = shadow;
    try {
      const { stdout, exitCode } = await evaluated(path);
      expect(stdout).toMatch(/^perplexity +\d/m);
      expect(stdout).toMatch(/^MAUVE was left out: .*mauve-text.*\(not here\)\.\n.*pip install/m);
      expect(exitCode).toBe(0);
      const asked = await evaluated(path, "--mauve");
      expect(asked.stdout).toMatch(/^perplexity +\d/m);
      expect(asked.stderr).toMatch(/^error: MAUVE needs the Python package mauve-text/);
      expect(asked.exitCode).toBe(1);
    } finally {
      if (before === undefined) delete process.env.PYTHONPATH;
      else process.env.PYTHONPATH = before;
    }
    rmSync(shadow, { recursive: true });
  }, 120_000);
});
