/** The parts of the tests: each test file belongs to exactly one, and the part `unit` has no Python. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { choose } from "../../scripts/testing/main.mjs";
import { filesOf, PARTS, partOf } from "../../scripts/testing/parts.mjs";
import { findPython } from "../../src/backend/process/python.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

describe("the parts together", () => {
  it("have each test file once", () => {
    const directory = join(packageRoot, "test");
    const all = readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts"))
      .map((path) => join(directory, path));
    const parted = PARTS.map((part) => filesOf(directory, part));
    expect(parted.every((files) => files.length > 0)).toBe(true);
    expect(parted.flat().sort()).toEqual(all.sort());
  });

  it("have each runner's tests once: jest's by part, pytest's with the backend's", () => {
    const runners = (only?: string) => choose(only).runners.map(({ name }) => name);
    expect(PARTS.map(runners)).toEqual([["jest"], ["jest", "pytest"], ["jest"]]);
    expect(PARTS.map((part) => choose(part).part)).toEqual(PARTS);
    expect(runners()).toEqual(["jest", "pytest"]);
    expect([runners("jest"), runners("pytest"), runners("units")]).toEqual([
      ["jest"],
      ["pytest"],
      [],
    ]);
    expect(choose("jest").part).toBeUndefined();
    expect(choose("backend", ["test/rows"]).runners.map(({ name }) => name)).toEqual(["jest"]);
  });
});

describe("the first line of a test file names its part", () => {
  let scratch = "";
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "remdm-parts-"));
    mkdirSync(join(scratch, "deep"));
    writeFileSync(join(scratch, "plain.test.ts"), "/** A test. */\n");
    writeFileSync(join(scratch, "deep", "real.test.ts"), "// @part backend\n/** A test. */\n");
    writeFileSync(join(scratch, "long.test.ts"), "// @part slow\n");
    writeFileSync(join(scratch, "support.ts"), "// @part slow\n");
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  it.each([
    ["unit", ["plain.test.ts"]],
    ["backend", [join("deep", "real.test.ts")]],
    ["slow", ["long.test.ts"]],
  ] as const)("%s", (part, files) => {
    expect(filesOf(scratch, part)).toEqual(files.map((file) => join(scratch, file)));
  });

  it.each([
    ["another part", "// @part quick\n"],
    ["unit, which is what no mark says", "// @part unit\n"],
    ["a mark in another line", "/** A test. */\n// @part slow\n"],
  ])("refuses %s", (_, source) => {
    expect(() => partOf(source)).toThrow("// @part");
  });
});

it("this file says nothing of a backend, so no Python is found", () => {
  expect(() => findPython()).toThrow("no Python in unit tests");
});
