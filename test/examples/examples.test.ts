// @part slow
/** Every example runs on its own runtime, against the built package, prints text, and leaves nothing behind. */
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython } from "../../src/index.ts";
import { DENO_PERMISSIONS } from "../backend/support/runtimes.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const root = packageRoot;
const deno = join(root, "node_modules/.bin/deno");
const MINUTES = 60_000;

/** Each test has a temporary directory of its own, so what an example leaves in it is seen. */
let scratch = "";
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "remdm-ex-"));
});
afterEach(async () => {
  await rm(scratch, { recursive: true, force: true });
});

async function backendsOf(directory: string): Promise<string[]> {
  const { stdout } = await execa("ps", ["-ewwo", "pid,args"]);
  return stdout.split("\n").filter((line) => line.includes(directory));
}

async function expectNothingLeft(): Promise<void> {
  expect(await backendsOf(scratch)).toEqual([]);
  expect((await readdir(scratch)).filter((name) => name.startsWith("remdm-"))).toEqual([]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("it did not happen within 20 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function run(command: string, parameters: string[], env: Record<string, string> = {}) {
  return execa(command, parameters, {
    cwd: root,
    env: { TMPDIR: scratch, NO_COLOR: "1", ...env },
    timeout: 5 * MINUTES,
  });
}

async function compileExamples(): Promise<void> {
  await execa("node", ["node_modules/typescript/bin/tsc", "-p", "examples"], { cwd: root });
}

describe("examples/node", () => {
  beforeAll(compileExamples, MINUTES);

  it(
    "streams a text as it forms, and tells what was taken back",
    async () => {
      const { stdout } = await run("node", ["examples/dist/node/stream.js"]);
      expect(stdout).not.toContain("▒");
      expect(stdout).toMatch(/^Taken back on the way: "[^"▒]*" "/m);
      expect(stdout).toMatch(/\d+ forward calls in [\d.]+ s$/);
      await expectNothingLeft();
    },
    5 * MINUTES,
  );

  it(
    "writes a text from left to right, up to its end",
    async () => {
      const { stdout } = await run("node", ["examples/dist/node/write.js"]);
      expect(stdout).toMatch(/^ROMEO:[^▒]{20,}\n\n(end|length) after \d+ forward calls$/);
      expect(stdout).not.toContain("<|endoftext|>");
      await expectNothingLeft();
    },
    5 * MINUTES,
  );

  it(
    "infills between a given beginning and a given end",
    async () => {
      const { stdout } = await run("node", ["examples/dist/node/infill.js"]);
      const texts = stdout.split("\n").filter((line) => line !== "");
      expect(texts).toHaveLength(3);
      for (const text of texts) expect(text).toMatch(/^"ROMEO:\\nO, .* my lord\.\\n"$/);
      await expectNothingLeft();
    },
    5 * MINUTES,
  );
});

describe("examples/deno", () => {
  it(
    "samples under deno run, and Deno ends by itself",
    async () => {
      const { stdout } = await run(deno, ["run", ...DENO_PERMISSIONS, "examples/deno/sample.ts"]);
      expect(stdout.match(/^--- sample \d$/gm)).toHaveLength(2);
      expect(stdout).toMatch(/\d+ forward calls in [\d.]+ s$/);
      await expectNothingLeft();
    },
    5 * MINUTES,
  );
});

describe("examples/strategy", () => {
  beforeAll(compileExamples, MINUTES);

  it.each([
    ["Node", "node", ["examples/dist/strategy/sample.js"]],
    ["Deno", deno, ["run", ...DENO_PERMISSIONS, "examples/strategy/sample.ts"]],
  ])(
    "samples with a strategy of each shape that no package has, under %s",
    async (_, command, parameters) => {
      const { stdout, stderr } = await run(command, parameters);
      const told = /^--- (\S+): (\d+) revealed, (\d+) remasked\n([^]*?)(?=^--- |(?![^]))/gm;
      const samples = Array.from(stdout.matchAll(told), ([, kind, revealed, remasked, text]) => {
        return { kind, revealed: Number(revealed), remasked: Number(remasked), text };
      });
      expect(samples.map(({ kind }) => kind)).toEqual(["fading", "likeliest-first"]);
      for (const { revealed, remasked, text } of samples) {
        expect(remasked).toBeGreaterThan(0);
        expect(revealed - remasked).toBe(48); // every position ends as a token
        expect(text).toMatch(/\w{3,}/);
        expect(text).not.toContain("▒");
      }
      expect(stderr).toBe("");
      await expectNothingLeft();
    },
    5 * MINUTES,
  );
});

describe("examples/notebook", () => {
  interface Cell {
    readonly cell_type: string;
    readonly outputs?: readonly {
      readonly text?: string | string[];
      readonly data?: Record<string, string | string[]>;
    }[];
  }

  /** Runs the notebook in the Deno kernel, headlessly. @returns what each code cell shows. */
  async function execute(...flags: string[]): Promise<string[]> {
    const data = join(scratch, "share");
    await run(deno, ["jupyter", "--install", "--name", "remdm-test"], { XDG_DATA_HOME: data });
    const executed = join(scratch, "executed.ipynb");
    await run(
      findPython().path,
      [
        "test/examples/run_notebook.py",
        "examples/notebook/sample.ipynb",
        executed,
        "--kernel",
        "remdm-test",
        ...flags,
      ],
      { JUPYTER_PATH: join(data, "jupyter"), JUPYTER_RUNTIME_DIR: join(scratch, "runtime") },
    );
    const notebook = JSON.parse(await readFile(executed, "utf8")) as { cells: Cell[] };
    return notebook.cells
      .filter((cell) => cell.cell_type === "code")
      .map(({ outputs = [] }) =>
        outputs
          .map(({ text, data: shown }) => [text ?? shown?.["text/plain"] ?? ""].flat().join(""))
          .join("\n"),
      );
  }

  it(
    "launches, shows a text as it forms, and one of a strategy of one's own, in the real Deno kernel",
    async () => {
      const [launched, forming, result, own] = await execute();
      expect(launched).toMatch(/demo: \d+ parameters on cpu|demo: \d+ parameters on cuda/);
      expect(forming.trim().length).toBeGreaterThan(40);
      expect(forming).not.toContain("▒");
      expect(result).toContain(forming.trim().slice(0, 20));
      expect(result).toMatch(/\d+ forward calls, \d+ rows/);
      expect(own).toMatch(/^\{"kind":"fading","eta":0.1\}\n[^▒]{40,}$/);
      await expectNothingLeft();
    },
    5 * MINUTES,
  );

  it(
    "leaves no backend when the kernel is killed",
    async () => {
      await execute("--kill-kernel", "--cells", "2");
      await until(async () => (await backendsOf(join(scratch, "remdm-"))).length === 0);
      await until(async () => !(await readdir(scratch)).some((name) => name.startsWith("remdm-")));
    },
    5 * MINUTES,
  );
});

describe("examples/experiment", () => {
  it(
    "makes a table and charts of the bundled models, and has nothing to do the second time",
    async () => {
      const out = join(scratch, "tiny");
      const file = "examples/experiment/tiny.yaml";
      const parameters = ["dist/cli/main.js", "experiment", file, "--out", out];
      const { stdout } = await run("node", parameters);
      expect(stdout.match(/^\| demo \| (mdlm|remdm-cap|remdm-loop) /gm)).toHaveLength(5);
      expect(stdout).toMatch(/^\| demo-ar \| AR .* \d+\.\d ± \d+\.\d \|/m); // judged
      const results = await readFile(join(out, "results.jsonl"), "utf8");
      expect(results.trimEnd().split("\n")).toHaveLength(6);
      expect(await readFile(join(out, "charts", "entropy-by-steps.svg"), "utf8")).toContain("<svg");
      const again = await run("node", parameters);
      expect(again.stdout).toBe(stdout);
      expect(again.stderr).not.toContain("loading");
      expect(await readFile(join(out, "results.jsonl"), "utf8")).toBe(results);
      await rm(out, { recursive: true });
      await expectNothingLeft();
    },
    5 * MINUTES,
  );
});
