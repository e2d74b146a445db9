/** The file of `--out`, which the same command goes on with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { SampleFile, settingsOf } from "../../../../src/cli/commands/sample/sampleFile.ts";
import { packageVersion } from "../../../../src/foundation/packageRoot.ts";

let scratch = "";
let path = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-samples-"));
  path = join(scratch, "samples.jsonl");
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const settings = { strategy: "mdlm", steps: 8, seed: "1" };
const sample = (number: number) => ({
  ...{ sample: number, tokens: [number, 2], text: "so\nit\u001b goes", entropy: 0.69 },
  finishReason: "length" as const,
});

function write(numbers: readonly number[], force = false): void {
  using file = new SampleFile(path, force, settings);
  for (const number of numbers) file.append(sample(number));
}

function numbersIn(file: string): unknown[] {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): unknown => (JSON.parse(line) as { readonly sample: unknown }).sample);
}

it("has a sample a line, and the settings in the first", () => {
  write([1, 0]);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { ...sample(1), run: settings },
    sample(0),
  ]);
  expect(lines.join("")).not.toContain("\u001b");
});

it("is gone on with: what is there is known, and what comes is added", () => {
  write([1, 0]);
  using file = new SampleFile(path, false, settings);
  expect([...file.earlier.keys()]).toEqual([1, 0]);
  expect(file.earlier.get(0)).toEqual(sample(0));
  file.append(sample(3));
  expect(numbersIn(path)).toEqual([1, 0, 3]);
});

it.each([
  ["half a line", '{"sample":2,"tok'],
  ["a line that lost its end", '{"sample":2,"tokens":\n'],
])("loses %s at its end, and nothing else", (_, damage) => {
  write([0, 1]);
  writeFileSync(path, damage, { flag: "a" });
  write([2]);
  expect(numbersIn(path)).toEqual([0, 1, 2]);
});

it("begins in an empty file, as a command leaves that was killed at once", () => {
  writeFileSync(path, "");
  write([0]);
  expect(numbersIn(path)).toEqual([0]);
});

it("refuses other settings by name, and leaves the file as it was", () => {
  write([0]);
  const before = readFileSync(path, "utf8");
  expect(() => new SampleFile(path, false, { strategy: "mdlm", steps: 9, topP: 1 })).toThrow(
    expect.objectContaining({
      code: "experiment_differs",
      message:
        `${path} has samples of other settings: steps was 8 and is 9; ` +
        'seed was "1" and is left out; topP was left out and is 1',
    }),
  );
  expect(readFileSync(path, "utf8")).toBe(before);
});

it.each([
  ["a line", "mine"],
  ["lines of text", "mine\nand mine\n"],
  ["JSON", '{"text":"mine"}\n'],
  ["samples without settings", `${JSON.stringify(sample(0))}\n`],
])("refuses a file that holds %s, and leaves it as it was", (_, content) => {
  writeFileSync(path, content);
  expect(() => new SampleFile(path, false, settings)).toThrow(
    expect.objectContaining({
      code: "output_failed",
      message: `${path} exists already`,
      remedy: expect.stringContaining("--force"),
    }),
  );
  expect(readFileSync(path, "utf8")).toBe(content);
});

it("--force begins anew", () => {
  write([0, 1]);
  write([0], true);
  expect(numbersIn(path)).toEqual([0]);
});

describe("the settings", () => {
  const flags = { checkpoint: "demo", samples: 2, seed: 2n ** 63n, steps: 8 };

  it("are what tokens depend on", () => {
    const free = {
      samples: 9,
      json: true,
      quiet: true,
      out: "a",
      window: 4,
      batchSize: 3,
    } as const;
    expect(settingsOf({ ...flags, ...free }, { text: "so" })).toEqual({
      ...{ checkpoint: "demo", seed: "9223372036854775808", steps: 8, text: "so" },
      remdm: packageVersion(),
      weights: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it("have the batch where PyTorch's noise depends on it", () => {
    expect(settingsOf({ ...flags, executor: "dense", batchSize: 3 })).toHaveProperty(
      "batchSize",
      3,
    );
  });

  it("tell weights of the same size apart, and code of one's own", () => {
    const checkpoint = join(scratch, "model.ckpt");
    const module = join(scratch, "mine.js");
    const settingsNow = () =>
      settingsOf({ ...flags, checkpoint, strategy: `${module}#mine` }) as Record<string, unknown>;
    writeFileSync(checkpoint, "weights");
    writeFileSync(module, "one");
    const before = settingsNow();
    expect(settingsNow()).toEqual(before);
    writeFileSync(checkpoint, "Weights");
    expect(settingsNow().weights).not.toBe(before.weights);
    writeFileSync(module, "two");
    expect(settingsNow().modules).not.toEqual(before.modules);
  });
});
