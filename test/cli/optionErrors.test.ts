// @part slow
/**
 * Whatever is wrong with an option on the command line, the message names flags that the command's own help lists, in
 * words of the command line: never an option of the library that cannot be said there.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from "@jest/globals";
import type { Command } from "commander";
import { evalNaming } from "../../src/cli/commands/eval/command.ts";
import { failureOf } from "../../src/cli/failure.ts";
import { namingOf, type Naming } from "../../src/cli/naming.ts";
import { createProgram, main } from "../../src/cli/program.ts";
import { sampleNaming } from "../../src/cli/commands/sample/command.ts";
import { OptionError, prepare, type DenoiserModel } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import type { SampleOptions } from "../../src/program/sampleOptions.ts";
import { pinPrompt, preparePrompted } from "../../src/program/prompt.ts";

const before = { directory: process.cwd(), env: { ...process.env } };
let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-options-"));
  process.chdir(scratch);
  writeFileSync("samples.jsonl", '"to be or not"\n"the cat sat"\n');
  // Nothing may start, and nothing may be fetched: what is right ends there.
  process.env.REMDM_PYTHON = "/not/there";
  process.env.REMDM_DRIVE_URL = "no address";
});
afterAll(() => {
  process.chdir(before.directory);
  process.env = before.env;
  rmSync(scratch, { recursive: true, force: true });
});

let said = "";
beforeEach(() => {
  said = "";
  for (const name of ["stdout", "stderr"] as const) {
    jest.spyOn(process[name], "write").mockImplementation((chunk) => {
      if (name === "stderr") said += String(chunk);
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  // What was right wrote files, which would be found as models.
  for (const name of readdirSync(scratch)) {
    if (name !== "samples.jsonl") rmSync(join(scratch, name), { recursive: true, force: true });
  }
});

/** @returns the exit code. */
async function run(args: readonly string[]): Promise<unknown> {
  process.exitCode = undefined;
  await main(args);
  const code = process.exitCode;
  process.exitCode = undefined;
  return code;
}

const program = await createProgram();

function commandOf(args: readonly string[]): Command {
  let command: Command = program;
  for (const word of args) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) return command;
    command = next;
  }
  return command;
}

function flagsOf(command: Command): (string | null | undefined)[] {
  const parents = command.parent === null ? [] : flagsOf(command.parent);
  return ["--help", ...command.options.map(({ long }) => long), ...parents];
}

function placesOf(command: Command): string[] {
  return command.registeredArguments.map((one) => `<${one.name()}>`);
}

/** A flag of another program, in a command that a remedy quotes. */
const QUOTED = /`[a-z][^`]* [^`]*`/g;

function expectPlain(shown: string, command: Command): void {
  const text = shown.replaceAll(process.cwd(), "HERE");
  const flags = text.replace(QUOTED, "").match(/(?<![\w-])--[a-z][\w-]*/g) ?? [];
  for (const flag of flags) expect(flagsOf(command)).toContain(flag);
  expect(text).not.toMatch(
    /--get|must be undefined|\bundefined\b|900719925474099|should not happen/,
  );
  expect(/(?<![./\w])[a-z]+[A-Z]\w*/.exec(text)).toBeNull();
}

/** What each command needs in order to get as far as its options. */
const BASES: readonly (readonly string[])[] = [
  ["sample", "--checkpoint", "demo"],
  ["sample", "--checkpoint", "some.ckpt"],
  ["eval", "samples.jsonl", "--quiet"],
  ["experiment", "--preset", "remdm-cap", "--checkpoint", "demo", "--no-judge", "--dry-run"],
  ["checkpoints"],
  ["checkpoints", "download", "mdlm"],
  ["convert", "demo", "--out", "out"],
  ["serve"],
];

const VALUES = ["", "0", "-1", "1.5", "7", "x", "9999999999", "99999999999999999999", "none", "~"];

describe.each(BASES.map((args) => [args.join(" "), args] as const))("%s", (_, base) => {
  const options = commandOf(base).options.filter((option) => option.required || option.optional);
  it.each(options.map(({ long }) => [String(long)]))("with any value of %s", async (flag) => {
    for (const value of VALUES) {
      said = "";
      // The last one counts where a flag stands twice.
      const code = await run([...base, flag, value]);
      expect([0, 1, 2, undefined]).toContain(code);
      expectPlain(said, commandOf(base));
    }
  });
});

describe("what does not go together", () => {
  const sample = (line: string) => ["sample", ...line.split(" ").filter(Boolean)];
  it.each([
    ["--checkpoint demo-ar --strategy mdlm", "--strategy must be ar for a model of kind ar"],
    ["--checkpoint demo-ar --predictor ddpm", "--predictor must be ar for a model of kind ar"],
    ["--checkpoint ar --strategy mdlm", "--strategy must be ar for a model of kind ar"],
    ["--strategy ar", "--strategy must be one of mdlm, "],
    [
      "--checkpoint demo-ar --steps 4",
      "--steps must be left out (ar takes one step a token); got 4",
    ],
    ["--checkpoint demo-ar --length 1", "--length must be an integer in [2, 128]; got 1"],
    [
      "--checkpoint demo-sedd --executor dense --quirks paper",
      '--quirks must be "original"; got "paper"',
    ],
    ["--strategy ddpm --top-p 0.9", "nucleus there (--quirks paper has); got 0.9"],
    ["--guidance 1", "--guidance must be 0 without a prompt: guidance needs a prompt; got 1"],
    ["--guidance 1", "Give a text as `--prompt`, towards which to guide, or leave --guidance out."],
    [
      "--suppress 3",
      "Leave --suppress out, or take a strategy that asks first, such as --strategy c",
    ],
    ["--ban 3 --executor dense", "Leave --ban out, or sample with --executor events."],
    ["--guidance -1 --prompt A", "--guidance must be a number in [0, 1000000]; got -1"],
    ["--ban a --executor dense", "--ban must be left out with --executor dense, which has no such"],
    ["--suppress 3", "--suppress must be left out with a strategy that draws first"],
    ["--checkpoint demo-ar --guidance 1 --prompt A", "--guidance must be left out for an ar model"],
    [
      "--strategy dfm --stride 4 --strides 2",
      "--stride must be left out with the strategy dfm; got 4",
    ],
    ["--stride 4", "--strides must be an integer in [1, 1000000]"],
    ["--stride 128 --strides 1", "--stride must be an integer in [1, 127]; got 128"],
    [
      "--executor dense --strategy remdm-cap+conf",
      "--strategy must be one that the original's code has",
    ],
    ["--t-on 0.1 --t-off 0.2", "--t-on must be a number in (--t-off, 1), with --t-off = 0.2"],
    ["--t-off 0", "--t-off must be a number in (0, --t-on)"],
    ["--alpha-on 0.9 --eta 0.9", "the most that --alpha-on = 0.9 allows"],
    ["--strategy remdm-cap+conf --eta 2", "--eta must be a number in [0, 1]; got 2"],
    ["--strategy remdm-cap+conf --eta-cap 2", "--eta-cap must be a number in [0, 1]; got 2"],
    ["--strategy remdm-rescale+conf --eta-rescale 2", "--eta-rescale must be a number"],
    ["--strategy remdm-max+switch --t-switch 2", "--t-switch must be a number in (0, 1]"],
    ["--strategy remdm-cap --t-on 0.5", "--t-on is not an option of the strategy remdm-cap"],
    ["--strategy remdm-lop", "Did you mean remdm-loop?"],
    ["--seed 18446744073709551616", "--seed must be an integer in [0, 2^64)"],
    ["--samples 0", "--samples must be an integer in [1, "],
    ["--length 0", "--length must be an integer in [1, 128]; got 0"],
    ["--checkpoint some.ckpt --length 0", "--length must be an integer of at least 1; got 0"],
    ["--batch-size 0", "--batch-size must be an integer of at least 1; got 0"],
    [
      "--device cuda:1234",
      "argument 'cuda:1234' is invalid. It must be auto, cpu, cuda, cuda:N or mps",
    ],
  ])("sample %s", async (line, message) => {
    expect(await run(sample(line))).toBe(2);
    expect(said).toContain(message);
    expectPlain(said, commandOf(["sample"]));
  });

  it.each([
    ["eval samples.jsonl --judge none", 2, "use --no-judge"],
    [
      "eval samples.jsonl --batch-size 4096 --judge demo-ar",
      2,
      "--batch-size must be an integer in",
    ],
    ["eval samples.jsonl --max-length 1", 2, "--max-length must be an integer in [2, "],
    [
      "eval samples.jsonl --device cuda:1234",
      2,
      "argument 'cuda:1234' is invalid. It must be auto, cpu",
    ],
    ["eval samples.jsonl --mauve-seeds 1,1", 2, "--mauve-seeds must be different integers"],
    ["eval samples.jsonl --references samples.jsonl", 1, "(`--reference-unit text`)"],
    ["eval samples.jsonl --references samples.jsonl", 1, "(`--tokenizer`)"],
    ["eval samples.jsonl --judge gpt2/none.ckpt", 1, "There is no checkpoint at"],
    ["eval samples.jsonl --judge ./none", 1, "or use the judge `demo-ar` that comes with"],
    ["eval samples.jsonl --judge ar", 1, "`npx remdm checkpoints download ar`"],
    ["experiment --preset remdm-lop --checkpoint demo --no-judge", 2, "Did you mean remdm-loop?"],
    ["experiment --preset mdlm --checkpoint demo --judge none", 2, "use --no-judge"],
    ["checkpoints downlaod", 2, "Did you mean `npx remdm checkpoints download`?"],
    ["checkpoints downlaod mdlm", 2, "Did you mean `npx remdm checkpoints download`?"],
    ["convert demo --out ~", 1, ""],
    ["serve --device cuda:1234", 2, "argument 'cuda:1234' is invalid. It must be auto, cpu"],
  ])("%s", async (line, code, message) => {
    const args = line.split(" ");
    expect(await run(args)).toBe(code);
    expect(said).toContain(message);
    expectPlain(said, commandOf(args));
  });
});

describe("what only a loaded model tells", () => {
  const model: DenoiserModel = { vocabSize: 8, maskId: 7, length: 4, timeConditioning: false };
  const tokenizer = { name: "t", vocabSize: 8, encode: async () => [1, 7, 2], decode: () => "" };
  const ar = { ...model, kind: "ar", bosId: 0 } as const;
  const pin = (options: SampleOptions, of: DenoiserModel) =>
    pinPrompt(preparePrompted(options, of), tokenizer, of);
  it.each<[string, () => unknown, RegExp]>([
    ["a prompt too long", () => pin({ prompt: "abc", length: 2 }, model), /^--prompt/],
    ["a gap", () => pin({ prompt: "a [MASK] b" }, ar), /^--prompt must be a text/],
    [
      "a token that the model lacks",
      () => prepare({ pinned: new Map([[3, 9]]) }, model),
      /^pinned position 3 must be a token id/,
    ],
    [
      "another beginning",
      () => prepare({ pinned: new Map([[0, 3]]) }, ar),
      /^pinned position 0 must be the begin-of-text token, 0/,
    ],
    ["d3pm", () => prepare({ executor: "events" }, { ...model, kind: "d3pm" }), /^--executor/],
  ])("%s", async (_, action, message) => {
    const naming = sampleNaming(commandOf(["sample"]), {});
    const { text } = failureOf(await thrown(action), naming);
    expect(text.replace("error: ", "")).toMatch(message);
    expectPlain(text, commandOf(["sample"]));
  });
});

describe("every option that the sources refuse", () => {
  /** The names that stand in calls of OptionError and of the checks. */
  const names = new Set(sources(join(packageRoot, "src")).flatMap(optionsIn));
  const namings: [string, Command, Naming][] = program.commands.map((command) => {
    const naming =
      command.name() === "sample"
        ? sampleNaming(command, {})
        : command.name() === "eval"
          ? evalNaming(command)
          : namingOf(command);
    return [command.name(), command, naming];
  });

  it("are found", () => {
    expect([...names]).toEqual(
      expect.arrayContaining([
        "topP",
        "strategy.kind",
        "stride",
        "pinned position",
        "dir",
        "model",
      ]),
    );
  });

  it.each(namings)("has in %s a flag of its help, or the library's name", (_, command, naming) => {
    for (const name of names) {
      const { text } = failureOf(new OptionError(name, 1, "another"), naming);
      const [, called = ""] = /^error: (.*) must be another; got 1/.exec(text) ?? [];
      expect([...flagsOf(command), ...placesOf(command), name]).toContain(called);
    }
  });
});

async function thrown(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function sources(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(directory, name), "utf8"));
}

function optionsIn(source: string): string[] {
  const calls =
    /(?:new OptionError|check(?:Integer|Number|Text|Choice|Boolean|Function|Timeout))\(\s*"([^"]+)"/g;
  return [...source.matchAll(calls)].map(([, name]) => name);
}
