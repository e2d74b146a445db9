import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { missingRanges } from "../../src/experiment/cellSamples.ts";
import { JsonLines } from "../../src/experiment/files.ts";
import { Lock } from "../../src/experiment/lock.ts";

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
  expect(() => JsonLines.open(path, read)).toThrow(/Line 2 of .* is none that remdm wrote/);
});

it("says which directory is in use, and by whom", () => {
  const lock = Lock.take(scratch);
  expect(() => Lock.take(scratch)).toThrow(`in use by process ${process.pid}`);
  lock[Symbol.dispose]();
  Lock.take(scratch)[Symbol.dispose]();
});

it("takes over the lock of a process that is gone, also when its number lives on, and not that of another machine", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const path = join(scratch, "lock");
  const owner = { pid: child.pid, host: hostname(), started: "1" };
  for (const stale of [owner, { ...owner, pid: process.ppid }]) {
    writeFileSync(path, JSON.stringify(stale));
    Lock.take(scratch)[Symbol.dispose]();
  }
  writeFileSync(path, JSON.stringify({ ...owner, host: "elsewhere" }));
  expect(() => Lock.take(scratch)).toThrow("on elsewhere");
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
