// @part backend
/** The built program on the real backend: what it prints, how it ends, and that it leaves nothing. */
import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Remdm } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { describeUnless } from "../support/describeUnless.ts";
import { goldenCheckpoint, goldenTokenizer } from "../support/golden.ts";
import { startProgram, until, type End } from "./support/program.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-cli-"));
  mkdirSync(join(scratch, "tmp"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function start(args: readonly string[], env: Record<string, string> = {}) {
  // Its own place for temporary files: what it leaves is seen, and its processes are known by it.
  return startProgram(args, { cwd: scratch, env: { TMPDIR: join(scratch, "tmp"), ...env } });
}

function run(...args: string[]): Promise<End> {
  return start(args).end;
}

function processesLeft(): string[] {
  const list = execFileSync("ps", ["-ewwo", "pid,args"], { encoding: "utf8" });
  return list.split("\n").filter((line) => line.includes(scratch));
}

async function expectNothingLeft(): Promise<void> {
  await until(() => processesLeft().length === 0);
  // PyTorch has a cache of its own there.
  const left = readdirSync(join(scratch, "tmp")).filter((name) => !name.startsWith("torch"));
  expect(left).toEqual([]);
}

describe("bad usage ends with 2, before anything starts", () => {
  it.each([
    [["sample", "--steps", "many"], "must be a whole number"],
    [["sample", "--steps", "0"], "--steps must be"],
    [["sample", "--top-p", "1.5"], "--top-p must be"],
    [["sample", "--ban", '"a"b"'], "a quoted text is read as JSON"],
    [["sample", "--temperature", "-1"], "--temperature must be a number in [0, Infinity); got -1"],
    [["sample", "--top-k", "0"], "--top-k must be an integer of at least 1; got 0"],
    [
      ["sample", "--executor", "dense", "--top-k", "5"],
      "--top-k must be left out with the executor dense",
    ],
    [
      ["sample", "--strategy", "remdm-cap", "--eta", "7"],
      "--eta must be a number in [0, 1]; got 7",
    ],
    [["sample", "--t-on", "0.1", "--t-off", "0.2"], "--t-on must be"],
    [
      ["sample", "--strategy", "mdlm", "--eta", "0.1"],
      "--eta is not an option of the strategy mdlm",
    ],
    [["sample", "--strategy", "ddim"], "There is no strategy"],
    [["sample", "--device", "tpu"], "It must be auto, cpu, cuda, cuda:N or mps"],
    [["sample", "--dtype", "float16"], "Allowed choices are float32, bfloat16"],
    [["sample", "--seed", "-1"], "2^64"],
    [["sample", "--samples", "0"], "--samples must be"],
    [["sample", "--colour"], "unknown option"],
    [["sample", "--until", "stop"], "Allowed choices are length, end"],
    [["serve", "--endpoint", "tcp://127.0.0.1:9"], "It must be an ipc:// address"],
    [["sample", "--steps", "don't ".repeat(99)], '..." (594 characters) is invalid'],
    [["don't ".repeat(99)], `error: unknown command "don't don't`],
    [["sample", "words"], "too many arguments"],
    [["eval"], "missing required argument 'samples'"],
    [["eval", "a.jsonl", "--mauve-seeds", "1,b"], "whole numbers with commas"],
    [
      ["eval", "a.jsonl", "--reference-unit", "page"],
      "Allowed choices are window, paragraph, text",
    ],
    [
      ["eval", "a.jsonl", "--mauve-scale", "0"],
      "--mauve-scale must be a number in (0, 1000]; got 0",
    ],
    [["sing"], "unknown command"],
    [[], "Usage: remdm"],
  ])("%j", async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

it("bans tokens and guides towards the prompt, and says so in its JSON", async () => {
  const flags = ["--prompt", "ROMEO:", "--length", "24", "--steps", "8", "--json", "--quiet"];
  const { code, stdout } = await run("sample", ...flags, "--ban", "7", '"e"', "--guidance", "1");
  expect(code).toBe(0);
  const { samples, options } = JSON.parse(stdout) as {
    samples: { tokens: number[]; text: string }[];
    options: object;
  };
  expect(options).toMatchObject({ banned: [7, "e"], guidance: 1, prompt: "ROMEO:" });
  expect(samples[0].tokens).not.toContain(7);
  const failed = await run("sample", ...flags, "--ban", "no one token");
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(/^error: --ban must be a text that is one token of/);
});

describe("help and version end with 0", () => {
  it.each([
    [["--version"], /^\d+\.\d+\.\d+\n$/],
    [["--help"], /sample.*eval.*doctor.*serve.*setup/s],
    [["sample", "--help"], /--t-switch.*Examples:.*Exit codes/s],
    [["eval", "--help"], /--mauve-seeds.*Examples:.*Exit codes/s],
    [["help", "serve"], /--endpoint/],
  ])("%j", async (args, text) => {
    const { code, stdout } = await run(...args);
    expect(stdout).toMatch(text);
    expect(code).toBe(0);
  });
});

describe("a failure ends with 1 and a remedy", () => {
  it("no such checkpoint", async () => {
    const { code, stdout, stderr } = await run(
      "sample",
      "--checkpoint",
      "not/there.ckpt",
      "--quiet",
    );
    expect(stderr).toMatch(/^error: There is no checkpoint at .*not\/there\.ckpt\n {2}\S/);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("an output file that cannot be written, before a model is loaded", async () => {
    const { code, stderr } = await run("sample", "--out", "no/where.jsonl");
    expect(stderr).toMatch(/^error: no\/where\.jsonl cannot be written/);
    expect(stderr).not.toContain("Loading");
    expect(code).toBe(1);
  });

  it("no Python", async () => {
    const { code, stderr } = await start(["sample"], { REMDM_PYTHON: "/not/there" }).end;
    expect(stderr).toContain("error: /not/there, from REMDM_PYTHON");
    expect(code).toBe(1);
  });

  it("doctor without Python says what to do", async () => {
    const { code, stdout } = await start(["doctor", "--json"], { REMDM_PYTHON: "/not/there" }).end;
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      python: null,
      problems: [{ fatal: true, remedy: expect.stringContaining("remdm setup") }],
    });
  });
});

describe("remdm eval", () => {
  it("measures a file of samples without any model", async () => {
    const path = join(scratch, "samples.jsonl");
    writeFileSync(path, '{"text":"the cat sat on the mat"}\n{"text":"so it goes"}\n');
    const { code, stdout, stderr } = await run("eval", path, "--no-judge", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ samples: 2, tokensFrom: "words", duplicates: 0 });
    expect(stderr).toContain("Reading");
    expect(code).toBe(0);
    await expectNothingLeft();
  });
});

const noFullDisk = existsSync("/dev/full") ? undefined : "there is no /dev/full";
describeUnless(noFullDisk, "standard output on a full disk", () => {
  /** @param stream 1 or 2. */
  function full(stream: 1 | 2, args: readonly string[]): SpawnSyncReturns<string> {
    const main = join(packageRoot, "dist", "cli", "main.js");
    const device = openSync("/dev/full", "w");
    try {
      return spawnSync(process.execPath, [main, ...args], {
        cwd: scratch,
        encoding: "utf8",
        timeout: 60_000,
        env: { ...process.env, TMPDIR: join(scratch, "tmp") },
        stdio: ["ignore", stream === 1 ? device : "pipe", stream === 2 ? device : "pipe"],
      });
    } finally {
      closeSync(device);
    }
  }
  const ERROR =
    "error: Standard output cannot be written: ENOSPC: no space left on device, write\n" +
    "  Free some space.\n";

  it.each([
    [["--help"]],
    [["help", "eval"]],
    [["--version"]],
    [["checkpoints"]],
    [["eval", "samples.jsonl", "--no-judge", "--quiet"]],
    [["experiment", "--preset", "mdlm", "--checkpoint", "demo", "--no-judge", "--dry-run"]],
    [
      [
        "sample",
        "--steps",
        "2",
        "--length",
        "8",
        "--samples",
        "20",
        "--batch-size",
        "1",
        "--quiet",
      ],
    ],
    [["sample", "--steps", "1", "--length", "8", "--json", "--quiet"]],
  ])("is a failure of %j, and no stack", async (args) => {
    writeFileSync(join(scratch, "samples.jsonl"), '{"text":"so it goes"}\n');
    const { status, stderr } = full(1, args);
    expect({ status, stderr }).toEqual({ status: 1, stderr: ERROR });
    await expectNothingLeft();
  });

  it("costs nothing else: the file of --out is written", () => {
    writeFileSync(join(scratch, "samples.jsonl"), '{"text":"so it goes"}\n');
    const { status } = full(1, ["eval", "samples.jsonl", "--no-judge", "--out", "out.json"]);
    expect(status).toBe(1);
    expect(JSON.parse(readFileSync(join(scratch, "out.json"), "utf8"))).toHaveProperty("samples");
  });

  it("is told where there was room for a part", () => {
    const out = join(scratch, "samples.json");
    const main = join(packageRoot, "dist", "cli", "main.js");
    // A file may have 1,024 bytes, or 512, as the shell counts.
    const line = `trap "" XFSZ; ulimit -f 1; exec "${process.execPath}" "${main}" checkpoints --json > "${out}"`;
    const { status, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", timeout: 30_000 });
    expect(readFileSync(out).length).toBeGreaterThan(0);
    expect(stderr).toMatch(/^error: Standard output cannot be written: EFBIG/);
    expect(status).toBe(1);
  });

  it("is not needed for the work where it is standard error", () => {
    writeFileSync(join(scratch, "samples.jsonl"), '{"text":"so it goes"}\n');
    const { status, stdout } = full(2, ["eval", "samples.jsonl", "--no-judge", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ samples: 1 });
    expect(status).toBe(0);
  });
});

it.each([[["--help"]], [["sample", "--help"]], [["checkpoints", "--json"]]])(
  "a reader that goes away at once ends %j quietly",
  async (args) => {
    const { child, end } = start(args);
    child.stdout.destroy();
    const { code, stderr } = await end;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

const noPipes = process.platform === "win32" ? "Windows has no such pipes" : undefined;
describeUnless(noPipes, "a pipe", () => {
  it("that ends without a word is an empty file", () => {
    const main = join(packageRoot, "dist", "cli", "main.js");
    const line = `true | "${process.execPath}" "${main}" eval /dev/stdin --no-judge`;
    const { status, stderr } = spawnSync("sh", ["-c", line], { encoding: "utf8", timeout: 30_000 });
    expect(stderr).toContain("/dev/stdin holds no samples");
    expect(status).toBe(1);
  });

  it("that is silent does not keep remdm eval from ending with 130, and no empty file is left", async () => {
    const [pipe, out] = [join(scratch, "silent.jsonl"), join(scratch, "out.json")];
    execFileSync("mkfifo", [pipe]);
    const { child, said, end } = start(["eval", pipe, "--no-judge", "--out", out]);
    await until(() => said.stderr.includes("Reading"));
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(stderr).toMatch(/Stopped\.\n$/);
    expect(code).toBe(130);
    expect(existsSync(out)).toBe(false);
    await expectNothingLeft();
  });
});

describe("remdm sample on the bundled model", () => {
  const sample = (...args: string[]) => start(["sample", ...args]);
  /** Long enough that Ctrl-C comes before its end. */
  const LONG = ["--samples", "500", "--batch-size", "1", "--steps", "100", "--length", "24"];

  it("goes on with the file of a command that was killed, and the samples are the same", async () => {
    const out = join(scratch, "samples.jsonl");
    const args = ["--samples", "40", "--batch-size", "2", "--steps", "24", "--length", "24"];
    const killed = sample(...args, "--out", out);
    await until(() => existsSync(out) && readFileSync(out, "utf8").split("\n").length > 4);
    killed.child.kill("SIGKILL");
    await killed.end;
    const kept = readFileSync(out, "utf8").split("\n").length - 1;
    expect(kept).toBeLessThan(40);
    writeFileSync(out, '{"sample":', { flag: "a" });
    const again = await sample(...args, "--out", out, "--json").end;
    expect(again.stderr).toContain(`${kept} of 40 samples in ${out} already.`);
    expect(again.code).toBe(0);
    const whole = await sample(...args, "--json").end;
    const read = ({ stdout }: End) => (JSON.parse(stdout) as { readonly samples: unknown }).samples;
    expect(read(again)).toEqual(read(whole));
    const lines = readFileSync(out, "utf8").trimEnd().split("\n");
    const numbers = lines.map((line) => (JSON.parse(line) as { readonly sample: number }).sample);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    const third = await sample(...args, "--out", out).end;
    expect(third).toMatchObject({
      code: 0,
      stdout: "",
      stderr: `40 of 40 samples in ${out} already.\n`,
    });
    await expectNothingLeft();
  });

  it("prints one JSON object, and plain progress lines beside it", async () => {
    const args = ["--json", "--samples", "2", "--steps", "16", "--length", "24", "--seed", "3"];
    const { code, stdout, stderr } = await sample(...args, "--strategy", "remdm-cap+loop").end;
    expect(stderr).toMatch(/^Loading demo .*\ndemo: .* on cpu.*\n(.*\n)*2 samples in /);
    expect(code).toBe(0);
    const result: unknown = JSON.parse(stdout);
    const aSample = {
      tokens: expect.any(Array),
      text: expect.any(String),
      entropy: expect.any(Number),
      finishReason: "length",
    };
    expect(result).toEqual({
      samples: [aSample, aSample],
      stats: {
        forwardCalls: expect.any(Number),
        forwardRows: expect.any(Number),
        rounds: expect.any(Number),
        sequences: expect.any(Number),
        steps: 16,
        tokensPerForward: expect.any(Number),
        seconds: expect.any(Number),
      },
      options: {
        checkpoint: "demo",
        tokenizer: expect.stringContaining("tokenizer.json"),
        rawWeights: false,
        device: "cpu",
        dtype: "float32",
        strategy: {
          kind: "remdm",
          cap: 0.008,
          window: { kind: "loop", tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
        },
        steps: 16,
        topP: 0.9,
        temperature: 1,
        samples: 2,
        batchSize: 16,
        length: 24,
        seed: 3,
        prompt: null,
      },
    });
    await expectNothingLeft();
  });

  it("takes the likeliest tokens at temperature 0 and with top-k 1", async () => {
    const args = ["--json", "--quiet", "--strategy", "mdlm", "--steps", "8", "--length", "24"];
    const outputs = [];
    for (const rule of [
      ["--temperature", "0"],
      ["--top-k", "1"],
    ]) {
      const { code, stdout } = await sample(...args, ...rule).end;
      expect(code).toBe(0);
      outputs.push(JSON.parse(stdout) as { samples: unknown; options: unknown });
    }
    expect(outputs[0].samples).toEqual(outputs[1].samples);
    expect(outputs[0].options).toMatchObject({ temperature: 0, topP: 0.9 });
    expect(outputs[1].options).toMatchObject({ temperature: 1, topK: 1, topP: 0.9 });
    await expectNothingLeft();
  });

  it("ends texts at their end, without special tokens where asked", async () => {
    const args = ["--checkpoint", "demo-ar", "--samples", "2", "--length", "40", "--until", "end"];
    const out = ["--no-special-tokens", "--out", "kept.jsonl", "--json", "--quiet"];
    const { code, stdout } = await sample(...args, ...out).end;
    expect(code).toBe(0);
    const { samples } = JSON.parse(stdout) as { samples: Record<string, unknown>[] };
    for (const { text, tokens, finishReason } of samples) {
      expect(text).not.toContain("<|endoftext|>"); // each begins with it
      expect(tokens).toHaveProperty("0", 0);
      expect(["end", "length"]).toContain(finishReason);
    }
    const kept = readFileSync(join(scratch, "kept.jsonl"), "utf8").trimEnd().split("\n");
    for (const [i, line] of kept.entries()) {
      const {
        sample: index,
        run,
        ...record
      } = JSON.parse(line) as { sample: number; run?: object };
      expect(samples[index]).toEqual(record);
      expect(run !== undefined).toBe(i === 0); // the first line has the settings
    }
    expect(kept).toHaveLength(2);
  });

  it("prints samples in order of their number, and says which seed they have", async () => {
    const args = ["--samples", "6", "--batch-size", "3", "--steps", "6", "--length", "8"];
    const { stdout, stderr } = await sample(...args, "--seed", "random").end;
    const said = /^Sampling: remdm-loop, eta .*, 6 steps, .*, seed (\d+)$/m.exec(stderr);
    const seed = said?.[1] ?? "not said";
    const numbers = [...stdout.matchAll(/^--- sample (\d) of 6$/gm)].map(([, number]) => number);
    expect(numbers).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect((await sample(...args, "--seed", seed, "--quiet").end).stdout).toBe(stdout);
    expect(stderr).not.toContain("Next:"); // nobody watches
  });

  it("keeps each sample in --out, the same as it prints", async () => {
    const args = ["--samples", "3", "--steps", "8", "--length", "12", "--out", "kept.jsonl"];
    const { code, stdout, stderr } = await sample(...args, "--quiet").end;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const kept = readFileSync(join(scratch, "kept.jsonl"), "utf8").trimEnd().split("\n");
    const records = kept.map((line) => JSON.parse(line) as { sample: number; text: string });
    expect(records.map(({ sample: index }) => index).sort()).toEqual([0, 1, 2]);
    for (const { sample: index, text } of records) {
      expect(stdout).toContain(`--- sample ${index + 1} of 3\n${text}\n`);
    }
  });

  it("begins every sample with the prompt, and a text alone is nothing but the text", async () => {
    const args = ["--prompt", "ROMEO:", "--steps", "8", "--length", "20", "--quiet"];
    const { code, stdout } = await sample(...args).end;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ROMEO:/);
  });

  it("samples from a checkpoint of the published format", async () => {
    const model = ["--checkpoint", goldenCheckpoint("mdlm"), "--raw-weights"];
    const tokenizer = ["--tokenizer", goldenTokenizer];
    const { code, stdout, stderr } = await sample(...model, ...tokenizer, "--steps", "8").end;
    expect(stderr).toContain("mdlm.ckpt: 0.204M parameters, raw weights");
    expect(stdout.length).toBeGreaterThan(10);
    expect(code).toBe(0);
  });

  it("a length beyond the model's is bad usage", async () => {
    const { code, stderr } = await sample("--length", "99999", "--quiet").end;
    expect(stderr).toContain("--length must be");
    expect(code).toBe(2);
    await expectNothingLeft();
  });

  it.each([
    ["SIGINT" as const, 130],
    ["SIGTERM" as const, 143],
  ])("%s stops within a second and keeps what had finished", async (signal, expected) => {
    const file = join(scratch, "kept.jsonl");
    const { child, end } = sample(...LONG, "--out", file);
    await until(() => existsSync(file) && readFileSync(file, "utf8").includes("\n"));
    const asked = performance.now();
    child.kill(signal);
    const { code, stderr } = await end;
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(code).toBe(expected);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    for (const line of lines) expect(JSON.parse(line)).toHaveProperty("tokens");
    expect(lines.length).toBeLessThan(500);
    expect(stderr).toContain(`Stopped. ${lines.length} of 500 samples kept in ${file}.`);
    await expectNothingLeft();
  });

  it("Ctrl-C while the model loads stops within a second, too", async () => {
    const { child, said, end } = sample("--out", "none.jsonl");
    await until(() => said.stderr.includes("Loading"));
    await until(() => processesLeft().some((line) => line.includes("remdm_backend")));
    const asked = performance.now();
    child.kill("SIGINT");
    const { code } = await end;
    expect(performance.now() - asked).toBeLessThan(1000);
    expect(code).toBe(130);
    expect(existsSync(join(scratch, "none.jsonl"))).toBe(false);
    await expectNothingLeft();
  });

  it("a crash of the program leaves no process, and loses no finished sample", async () => {
    const file = join(scratch, "kept.jsonl");
    const { child, end } = sample(...LONG, "--out", file);
    await until(() => existsSync(file) && readFileSync(file, "utf8").includes("\n"));
    child.kill("SIGKILL");
    await end;
    expect(JSON.parse(readFileSync(file, "utf8").split("\n")[0] ?? "")).toHaveProperty("text");
    await until(() => processesLeft().length === 0);
  });

  it("a reader that goes away (`| head`) ends it quietly", async () => {
    const { child, said, end } = sample(...LONG, "--quiet");
    await until(() => said.stdout !== "");
    child.stdout.destroy();
    const { code, stderr } = await end;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    await expectNothingLeft();
  });

  it("doctor finds everything in order", async () => {
    const { code, stdout } = await run("doctor", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      backend: { packages: { torch: expect.any(String) } },
      trial: { device: "cpu", forwardMs: expect.any(Number) },
    });
    expect(code).toBe(0);
    await expectNothingLeft();
  });

  it.each(["demo-ar", "demo-sedd"])("doctor tries %s out", async (checkpoint) => {
    const { code, stdout } = await run("doctor", "--checkpoint", checkpoint, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, trial: { checkpoint }, problems: [] });
    expect(code).toBe(0);
  });

  it("a program connects to what serve serves, with the endpoint alone", async () => {
    const endpoint = `ipc://${join(scratch, "s.sock")}`;
    const { child, said, end } = start(["serve", "--endpoint", endpoint]);
    await until(() => said.stdout !== "");
    const remdm = await Remdm.connect({ endpoint });
    const { texts } = await remdm.sample({ steps: 2, length: 4, prompt: "Now" }).result();
    expect(texts[0]).toMatch(/^Now/);
    await remdm.close();
    child.kill("SIGINT");
    expect((await end).code).toBe(0);
    await expectNothingLeft();
  });

  it("serve prints its endpoint when it is ready, and Ctrl-C ends it", async () => {
    const endpoint = `ipc://${join(scratch, "s.sock")}`;
    const { child, said, end } = start(["serve", "--endpoint", endpoint]);
    await until(() => said.stdout !== "");
    expect(said.stdout).toBe(`${endpoint}\n`);
    child.kill("SIGINT");
    expect((await end).code).toBe(0);
    expect(existsSync(join(scratch, "s.sock"))).toBe(false);
    await expectNothingLeft();
  });

  it("serve fails with the backend's own reason", async () => {
    const wrong = start(["serve", "--checkpoint", join(packageRoot, "package.json")]);
    const { code, stderr } = await wrong.end;
    expect(stderr).toMatch(/\nerror: .*not a checkpoint.*\n {2}\S/);
    expect(stderr).not.toContain("remdm-backend: error");
    expect(code).toBe(1);
    await expectNothingLeft();
  });
});
