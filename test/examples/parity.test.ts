// @part slow
/** The live harness: its pure pieces always; the whole of it where there is a checkout of the original. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { casesOf, originalOptions, type ParityCase } from "../../examples/parity/cases.ts";
import { compareStates, largestDifference } from "../../examples/parity/compare.ts";
import { parseOptions } from "../../examples/parity/options.ts";
import {
  agrees,
  differenceNote,
  header,
  rowLine,
  summary,
  type Row,
} from "../../examples/parity/table.ts";
import { UsageError } from "../../examples/parity/usage.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { describeUnless } from "../support/describeUnless.ts";

const MINUTES = 60_000;

describe("cases", () => {
  it("are all that the original can run on a kind of checkpoint, for every number of steps", () => {
    const names = casesOf("mdlm", [8, 40], []).map(
      ({ strategy, topP, steps }) => `${strategy.kind} ${topP} ${steps}`,
    );
    expect(names).toHaveLength(2 * 15);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain("dfm 1 8"); // raises in the original
    expect(casesOf("sedd", [8], []).map(({ strategy }) => strategy.kind)).toEqual(["analytic"]);
    expect(casesOf("d3pm", [8], []).map(({ strategy }) => strategy.kind)).toEqual(["ddpm"]);
  });

  it("of ar have no steps", () => {
    expect(casesOf("ar", [8, 40], [])).toEqual([
      { strategy: { kind: "ar" }, topP: 1 },
      { strategy: { kind: "ar" }, topP: 0.9 },
    ]);
  });

  it("are chosen by name", () => {
    const kinds = casesOf("mdlm", [8], ["dfm", "remdm-cap"]).map(({ strategy }) => strategy.kind);
    expect(kinds).toEqual(["remdm-cap", "remdm-cap", "dfm"]);
    expect(casesOf("sedd", [8], ["ar"])).toEqual([]);
  });

  it("are told to the original in its own words", () => {
    const of = (wanted: string) => {
      const found = casesOf("mdlm", [8], [wanted]).at(-1);
      if (found === undefined) throw new Error(`no case ${wanted}`);
      return originalOptions(found);
    };
    expect(of("ddpm")).toMatchObject({ predictor: "ddpm", sampler: "mdlm", nucleus_p: 1 });
    expect(of("dfm")).toMatchObject({ predictor: "ddpm_cache", dfm: true, nucleus_p: 0.9 });
    expect(of("remdm-loop")).toEqual({
      predictor: "ddpm_cache",
      sampler: "remdm-loop",
      dfm: false,
      steps: 8,
      nucleus_p: 0.9,
      eta: 0.05,
      t_on: 0.55,
      t_off: 0.05,
      alpha_on: 0.9,
    });
  });

  it("never leave a parameter to a default, which the original has not", () => {
    const incomplete: ParityCase = { strategy: { kind: "remdm-cap" }, topP: 1, steps: 8 };
    expect(() => originalOptions(incomplete)).toThrow("every parameter");
  });
});

describe("comparison", () => {
  const theirs = [[[1, 2]], [[3, 4]]];

  it("counts every token of every state", () => {
    expect(compareStates(theirs, theirs)).toEqual({ tokens: 4, mismatches: 0 });
  });

  it("says where the runs part first", () => {
    const first = { state: 1, sample: 0, position: 0, theirs: 3, ours: 9 };
    expect(compareStates(theirs, [[[1, 2]], [[9, 8]]])).toEqual({
      tokens: 4,
      mismatches: 2,
      first,
    });
  });

  it("takes a state that is not there for a mismatch", () => {
    expect(compareStates(theirs, [[[1, 2]]])).toMatchObject({
      mismatches: 2,
      first: { state: 1, ours: undefined },
    });
  });

  it("leaves out of the network's output what is as good as -infinity on both sides", () => {
    const output = Float32Array.of(-1, -60, -1e6);
    expect(largestDifference(output, Float32Array.of(-1.5, -70, -2e6))).toBe(0.5);
    expect(largestDifference(output, Float32Array.of(-1, -40, -1e6))).toBe(20);
  });

  it("takes NaN for infinitely far, and refuses outputs of two sizes", () => {
    expect(largestDifference(Float32Array.of(NaN), Float32Array.of(0))).toBe(Infinity);
    expect(() => largestDifference(Float32Array.of(0), Float32Array.of(0, 0))).toThrow(RangeError);
  });
});

describe("table", () => {
  const row: Row = {
    checkpoint: "mdlm.ckpt",
    case: { strategy: { kind: "remdm-conf" }, topP: 0.9, steps: 8 },
    comparison: { tokens: 1152, mismatches: 0 },
    outputDifference: 1.2e-6,
    forwardCalls: { theirs: 9, ours: 9 },
    seconds: { theirs: 0.123, ours: 12 },
  };
  const differing: Row = {
    ...row,
    comparison: {
      tokens: 1152,
      mismatches: 3,
      first: { state: 4, sample: 1, position: 5, theirs: 6, ours: 7 },
    },
  };

  it("puts every number under its title", () => {
    const [titles, rule] = header().split("\n");
    const line = rowLine(row);
    expect(line.split(/\s+/)).toEqual(
      ["mdlm.ckpt", "remdm-conf", "8", "0.9", "1,152", "0", "1.2e-6", "9", "9"].concat([
        "0.12",
        "12.00",
      ]),
    );
    for (const [title, text] of [
      ["tokens", "1,152"],
      ["mismatches", "0"],
      ["output diff", "1.2e-6"],
    ]) {
      expect(line.slice(0, titles.indexOf(title) + title.length)).toMatch(new RegExp(` ${text}$`));
    }
    expect(rule).toMatch(/^[- ]+$/);
    expect(rule).toHaveLength(titles.length);
  });

  it("has a dash where there are no steps", () => {
    expect(rowLine({ ...row, case: { strategy: { kind: "ar" }, topP: 1 } })).toMatch(/ar +- +1 /);
  });

  it("says of a run that left the original's where it did", () => {
    expect(agrees(row)).toBe(true);
    expect(differenceNote(differing)).toContain("state 4, sample 1, position 5: theirs 6, ours 7");
    expect(differenceNote({ ...row, forwardCalls: { theirs: 9, ours: 8 } })).toContain("calls");
  });

  it("sums up", () => {
    expect(summary([row, differing])).toBe("1 of 2 runs agree; 3 mismatches in 2,304 tokens");
  });
});

describe("command line", () => {
  it("has defaults for everything", () => {
    expect(parseOptions([])).toEqual({
      checkpoints: [],
      steps: [8, 40],
      seed: 1,
      batch: 2,
      only: [],
      device: "cpu",
      help: false,
    });
  });

  it("reads lists, and checkpoints one by one", () => {
    const args = ["--checkpoint", "a", "--checkpoint", "b", "--steps", "4, 8", "--only", "mdlm,ar"];
    expect(parseOptions([...args, "--device", "cuda:1"])).toMatchObject({
      checkpoints: ["a", "b"],
      steps: [4, 8],
      only: ["mdlm", "ar"],
      device: "cuda:1",
    });
  });

  it.each([
    ["--steps", "0"],
    ["--steps", "1.5"],
    ["--seed", "-1"],
    ["--batch", "two"],
    ["--only", "remdm"],
    ["--device", "tpu"],
    ["--colour", "red"],
  ])("refuses %s %s", (...args) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
  });
});

describe("harness", () => {
  let scratch = "";
  beforeAll(async () => {
    const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
    await execa("node", [tsc, "-p", "examples/parity"], { cwd: packageRoot });
  }, 2 * MINUTES);
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), "remdm-live-"));
  });
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true });
  });

  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    execa("node", ["examples/dist/parity/parity.js", ...args], {
      cwd: packageRoot,
      env: { TMPDIR: scratch, NO_COLOR: "1", ...env },
      reject: false,
      timeout: 10 * MINUTES,
    });

  /** Those that have the test's own folder in their environment: the harness, and what it starts. */
  async function processes(): Promise<string[]> {
    const { stdout } = await execa("ps", ["axeww"]);
    return stdout.split("\n").filter((line) => line.includes(`TMPDIR=${scratch}`));
  }

  async function expectNothingLeft(): Promise<void> {
    expect(await processes()).toEqual([]);
    expect(await readdir(scratch)).toEqual([]);
  }

  it("says what to do without the original, with exit code 2", async () => {
    const { exitCode, stdout, stderr } = await start([], { REMDM_REFERENCE: "" });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("REMDM_REFERENCE is not set");
    expect(stderr).toContain("README.md");
    expect(stdout).toBe("");
  });

  it("refuses a folder that is no checkout of the original", async () => {
    const { exitCode, stderr } = await start([], { REMDM_REFERENCE: scratch });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("lacks diffusion.py");
  });

  it("refuses a checkpoint that is no file, the demo among them", async () => {
    const env = { REMDM_REFERENCE: scratch };
    await mkdir(join(scratch, "configs"));
    await Promise.all(
      ["diffusion.py", "configs/config.yaml"].map((name) => writeFile(join(scratch, name), "")),
    );
    const { exitCode, stderr } = await start(["--checkpoint", "checkpoints/demo"], env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("no checkpoint file");
  });

  const lacking = process.env.REMDM_REFERENCE
    ? undefined
    : "REMDM_REFERENCE names no checkout of the original: see examples/parity/README.md";

  describeUnless(lacking, "with the original", () => {
    it(
      "finds no difference in any sampler, on the golden checkpoints",
      async () => {
        const { exitCode, stdout, stderr } = await start(["--steps", "8", "--seed", "11"]);
        const rows = stdout.split("\n").filter((line) => /^\w+\.ckpt /.test(line));
        expect(exitCode === 0 ? "" : stderr + stdout).toBe("");
        expect(rows).toHaveLength(15 + 1 + 1 + 2);
        for (const line of rows) {
          const [, , , , tokens, mismatches, difference] = line.split(/\s+/);
          expect(Number(tokens.replaceAll(",", ""))).toBeGreaterThan(0);
          expect({ line, mismatches }).toEqual({ line, mismatches: "0" });
          expect(Number(difference)).toBeLessThan(1e-4);
        }
        expect(stdout).toMatch(/19 of 19 runs agree; 0 mismatches in [\d,]+ tokens$/);
        await expectNothingLeft();
      },
      10 * MINUTES,
    );

    it(
      "says which packages a Python lacks, and how to install them",
      async () => {
        const empty = join(scratch, "python");
        await execa("python3", ["-m", "venv", "--without-pip", empty]);
        const python = join(empty, "bin", "python");
        const { exitCode, stderr } = await start([], { REMDM_REFERENCE_PYTHON: python });
        expect(exitCode).toBe(2);
        expect(stderr).toMatch(/lacks packages that the original needs: torch, lightning, /);
        expect(stderr).toMatch(/-m pip install -r \S+requirements\.txt/);
      },
      MINUTES,
    );

    it.each([
      ["SIGINT", 130],
      ["SIGKILL", undefined],
    ] as const)(
      "leaves nothing behind after %s",
      async (signal, code) => {
        const harness = start(["--steps", "4000", "--only", "mdlm"]);
        await new Promise<void>((resolve) => {
          harness.stderr.on("data", (text: Buffer) => {
            if (text.toString().includes("stand-ins")) resolve(); // loaded: a run begins
          });
          void harness.finally(resolve);
        });
        expect((await processes()).some((line) => line.includes("pythonia"))).toBe(true);
        harness.kill(signal);
        expect((await harness).exitCode).toBe(code);
        const deadline = Date.now() + 5_000; // a killed harness leaves the rest to those it started
        while (Date.now() < deadline && (await processes()).length > 0) await delay(100);
        await expectNothingLeft();
      },
      3 * MINUTES,
    );
  });
});
