import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Lock, type Holder } from "../../src/foundation/lock.ts";
import { describeUnless } from "../support/describeUnless.ts";

let scratch = "";
let path = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-lock-"));
  path = join(scratch, "lock");
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const busy = ({ who, unsure }: Holder) => new Error(`busy: ${who}${unsure ? ", unsure" : ""}`);
const take = () => Lock.take(path, busy);

it("is had by one at a time, and leaves nothing behind", () => {
  const lock = take();
  expect(take).toThrow("busy: this process");
  expect(readdirSync(scratch)).toEqual(["lock"]);
  lock[Symbol.dispose]();
  expect(readdirSync(scratch)).toEqual([]);
  take()[Symbol.dispose]();
});

it("is not given back for somebody else, not even for this process", () => {
  const first = take();
  rmSync(path);
  const second = take();
  first[Symbol.dispose]();
  expect(existsSync(path)).toBe(true);
  second[Symbol.dispose]();
  expect(existsSync(path)).toBe(false);
});

describe("a lock that lies there", () => {
  it.each([
    ["a living process", { pid: process.ppid, host: hostname() }, `busy: process ${process.ppid}`],
    ["another machine", { pid: 7, host: "far" }, "busy: process 7 on far, unsure"],
    ["nobody known", {}, "busy: something that wrote no lock of ours, unsure"],
  ])("of %s stays, however old", (_, holder, message) => {
    const text = JSON.stringify(holder);
    writeFileSync(path, text);
    utimesSync(path, new Date(0), new Date(0));
    expect(take).toThrow(message);
    expect(readFileSync(path, "utf8")).toBe(text);
    expect(readdirSync(scratch)).toEqual(["lock"]);
  });

  it.each(["", "{", "null", '{"pid":-1}'])("with the text %j stays, too", (text) => {
    writeFileSync(path, text);
    expect(take).toThrow("unsure");
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  it("of a process that is gone is taken over", () => {
    writeFileSync(path, JSON.stringify({ pid: 2 ** 30, host: hostname(), started: "1" }));
    const lock = take();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ pid: process.pid });
    expect(readdirSync(scratch)).toEqual(["lock"]);
    lock[Symbol.dispose]();
  });

  const notLinux =
    process.platform === "linux" ? undefined : "only Linux tells when a process began";
  describeUnless(notLinux, "on Linux", () => {
    it("of a process whose number lives on is taken over", () => {
      for (const pid of [process.pid, process.ppid]) {
        writeFileSync(path, JSON.stringify({ pid, host: hostname(), started: "1" }));
        take()[Symbol.dispose]();
        expect(readdirSync(scratch)).toEqual([]);
      }
    });
  });
});

it("says as the file system does where there can be none", () => {
  path = join(scratch, "none", "lock");
  expect(take).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
