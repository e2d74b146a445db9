import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { toText } from "../../src/cli/commands/sample/sayings.ts";
import { OutputFile } from "../../src/cli/outputFile.ts";
import { toJson } from "../../src/cli/terminal/terminalText.ts";
import { describeUnless } from "../support/describeUnless.ts";

const record = {
  sample: 0,
  tokens: [1, 2],
  text: 'a "line"\nbreak',
  entropy: 0.69,
  finishReason: "length" as const,
};

let scratch = "";
let path = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-out-"));
  path = join(scratch, "out.jsonl");
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function lines(): unknown[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

describe("--out", () => {
  it("has each sample as soon as it is written", () => {
    using file = new OutputFile(path, false);
    file.append(record, "Sample 0");
    expect(lines()).toEqual([record]);
    file.append({ ...record, sample: 1 }, "Sample 1");
    expect(lines()).toHaveLength(2);
  });

  it("refuses a file that exists, and leaves it as it was", () => {
    writeFileSync(path, "mine");
    expect(() => new OutputFile(path, false)).toThrow(
      expect.objectContaining({
        code: "output_failed",
        remedy: expect.stringContaining("--force"),
      }),
    );
    expect(readFileSync(path, "utf8")).toBe("mine");
  });

  it("replaces it with --force, but not before there is a sample", () => {
    writeFileSync(path, "mine, and rather long for what comes after it ".repeat(20));
    const unused = new OutputFile(path, true);
    unused[Symbol.dispose]();
    expect(readFileSync(path, "utf8")).toMatch(/^mine/);
    using file = new OutputFile(path, true);
    file.append(record, "Sample 0");
    expect(lines()).toEqual([record]);
  });

  it("leaves no empty file behind", () => {
    const file = new OutputFile(path, false);
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    expect(existsSync(path)).toBe(false);
  });

  it("takes a device, which holds nothing to lose, and leaves it there", () => {
    const file = new OutputFile("/dev/null", false);
    expect(() => file.append(record, "Sample 0")).not.toThrow();
    file[Symbol.dispose]();
    expect(existsSync("/dev/null")).toBe(true);
  });

  it("makes no file where a link leads that somebody else may have put there", () => {
    const target = join(scratch, "elsewhere");
    symlinkSync(target, path);
    for (const force of [false, true]) {
      expect(() => new OutputFile(path, force)).toThrow(
        expect.objectContaining({ code: "output_failed" }),
      );
    }
    expect(existsSync(target)).toBe(false);
  });

  const noPipes = process.platform === "win32" ? "Windows has no such pipes" : undefined;
  describeUnless(noPipes, "a pipe", () => {
    beforeEach(() => {
      execFileSync("mkfifo", [path]);
    });

    it("without a reader is refused at once", () => {
      expect(() => new OutputFile(path, false)).toThrow(
        expect.objectContaining({
          code: "output_failed",
          message: `Nobody reads from the pipe ${path}`,
        }),
      );
    });

    it("takes more than it holds at a time, while somebody reads", async () => {
      const read = join(scratch, "read");
      const reader = spawn("cat", [path], { stdio: ["ignore", openSync(read, "w"), "ignore"] });
      const long = { ...record, text: "long ".repeat(100_000) };
      let file: OutputFile | undefined;
      while (file === undefined) {
        try {
          file = new OutputFile(path, false);
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 10)); // it has not begun to read
        }
      }
      file.append(long, "Sample 0");
      file[Symbol.dispose]();
      await once(reader, "close");
      expect(JSON.parse(readFileSync(read, "utf8"))).toEqual(long);
    });
  });

  const noFullDisk = existsSync("/dev/full") ? undefined : "there is no /dev/full";
  describeUnless(noFullDisk, "on a full disk", () => {
    it("names the sample, and what there is all the same", () => {
      using file = new OutputFile("/dev/full", false);
      expect(() => file.append(record, "Sample 3")).toThrow(
        expect.objectContaining({
          code: "output_failed",
          message: expect.stringMatching(/^Sample 3 cannot be written to \/dev\/full: ENOSPC/),
          remedy: "Free some space. The samples that are in the file are complete.",
        }),
      );
    });
  });

  it.each([
    ["a folder that is not there", () => join(scratch, "no", "where.jsonl")],
    ["a folder", () => scratch],
  ])("refuses %s before anything starts", (_, where) => {
    expect(() => new OutputFile(where(), false)).toThrow(
      expect.objectContaining({ code: "output_failed" }),
    );
  });
});

describe("JSON", () => {
  it("means the same and steers no terminal", () => {
    const value = { text: "\u001b[2J\u009b31m\u007f\u202e ▒ é" };
    expect(JSON.parse(toJson(value))).toEqual(value);
    // eslint-disable-next-line no-control-regex -- they are the point
    expect(toJson(value)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });
});

describe("text", () => {
  it.each([
    ["alone in a pipe: as it is", 1, false, "a\u001b\n"],
    ["several in a pipe", 3, false, "--- sample 1 of 3\na\u001b\n"],
    ["on a terminal: with a heading, harmless", 1, true, "--- sample 1 of 1\na␛\n"],
  ])("%s", (_, samples, isTerminal, expected) => {
    expect(toText({ sample: 0, text: "a\u001b" }, samples, isTerminal)).toBe(expected);
  });
});
