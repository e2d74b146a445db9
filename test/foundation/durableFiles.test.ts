import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { missingRanges } from "../../src/sampler/missingRanges.ts";
import { JsonLines } from "../../src/foundation/durableFiles.ts";
import { lockDirectory } from "../../src/experiment/run/lock.ts";
import { RemdmError } from "../../src/index.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-files-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const read = (value: unknown): unknown => value;

it("cuts half a line off, and what follows is whole", () => {
  const path = join(scratch, "a.jsonl");
  {
    using file = JsonLines.open(path, read).file;
    file.append({ a: 1 });
  }
  appendFileSync(path, '{"a": 2');
  const { file, records } = JsonLines.open(path, read);
  expect(records).toEqual([{ a: 1 }]);
  file.append({ a: 3 });
  file[Symbol.dispose]();
  expect(readFileSync(path, "utf8")).toBe('{"a":1}\n{"a":3}\n');
});

it("cuts a last line off that the disk lost, and refuses one in the middle", () => {
  const path = join(scratch, "a.jsonl");
  writeFileSync(path, '{"a":1}\n\0\0\0\0\n');
  expect(JsonLines.open(path, read).records).toEqual([{ a: 1 }]);
  writeFileSync(path, '{"a":1}\nnonsense\n{"a":2}\n');
  expect(() => JsonLines.open(path, read)).toThrow(/Line 2 of .* was not written by remdm/);
});

it("goes on with a file only: a device or a pipe may never end", () => {
  expect(() => JsonLines.open("/dev/null", Number)).toThrow(
    expect.objectContaining({
      code: "output_failed",
      message: "/dev/null is no file that can be gone on with",
    }),
  );
});

it("says which directory is in use, and by whom", () => {
  const lock = lockDirectory(scratch);
  expect(() => lockDirectory(scratch)).toThrow(`in use by process ${process.pid}`);
  lock[Symbol.dispose]();
  lockDirectory(scratch)[Symbol.dispose]();
});

it("takes over the lock of a process that is gone, also when its number lives on, and not that of another machine", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const path = join(scratch, "lock");
  const owner = { pid: child.pid, host: hostname(), started: "1" };
  for (const stale of [owner, { ...owner, pid: process.ppid }]) {
    writeFileSync(path, JSON.stringify(stale));
    lockDirectory(scratch)[Symbol.dispose]();
  }
  writeFileSync(path, JSON.stringify({ ...owner, host: "elsewhere" }));
  expect(() => lockDirectory(scratch)).toThrow("on elsewhere");
});

it("finds the gaps between samples, whichever finished first", () => {
  const there = [0, 5, 2].map((sample) => ({ sample }));
  expect(missingRanges(there, 8)).toEqual([
    { firstSample: 1, samples: 1 },
    { firstSample: 3, samples: 2 },
    { firstSample: 6, samples: 2 },
  ]);
  expect(missingRanges(there, 1)).toEqual([]);
});

it("refuses a last line that is whole and none of ours, and cuts nothing", () => {
  const path = join(scratch, "a.jsonl");
  writeFileSync(path, '{"a":1}\n{"theirs":2}\n');
  const own = (value: unknown): unknown => {
    if (typeof value === "object" && value !== null && "a" in value) return value;
    throw new Error("not ours");
  };
  expect(() => JsonLines.open(path, own)).toThrow(/Line 2 of .* was not written by remdm/);
  expect(readFileSync(path, "utf8")).toBe('{"a":1}\n{"theirs":2}\n');
});

it("leaves a lock alone that is none of ours", () => {
  const path = join(scratch, "lock");
  for (const text of ["somebody's", '{"pid": 5}', "null"]) {
    writeFileSync(path, text);
    expect(() => lockDirectory(scratch)).toThrow(/lock was not written by remdm/);
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}

it("locks where there are no hard links, and says what the file system says else", () => {
  const noLinks = (): never => {
    throw refusal("ENOTSUP");
  };
  const lock = lockDirectory(scratch, noLinks);
  expect(() => lockDirectory(scratch, noLinks)).toThrow(`in use by process ${process.pid}`);
  lock[Symbol.dispose]();
  const full = (): never => {
    throw refusal("ENOSPC");
  };
  expect(() => lockDirectory(scratch, full)).toThrow(RemdmError);
});

it("does not push a third one aside that took the lock while a stale one was looked at", () => {
  const path = join(scratch, "lock");
  const of = (pid: number) => JSON.stringify({ pid, host: hostname(), started: "1" });
  writeFileSync(path, of(1));
  // The second takes it between reading and moving, the third after moving.
  const kill = jest.spyOn(process, "kill").mockImplementation(() => {
    writeFileSync(path, of(2));
    throw refusal("ESRCH");
  });
  let calls = 0;
  const link = (): never => {
    calls++;
    if (calls > 1) writeFileSync(path, of(3));
    throw refusal("EEXIST");
  };
  try {
    expect(() => lockDirectory(scratch, link)).toThrow(/is in use by others/);
  } finally {
    kill.mockRestore();
  }
  expect(readFileSync(path, "utf8")).toBe(of(3));
});
