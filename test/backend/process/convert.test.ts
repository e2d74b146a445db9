// @part backend
/** What becomes of a conversion whose Python does not do as it should, and of options that are wrong. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { convertCheckpoint, findPython, type ConversionOptions } from "../../../src/index.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "remdm-convert-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const out = () => join(directory, "out");
const PROGRESS = `echo '{"done": 1, "total": 2}'`;

/** A shell script in the place of Python. */
function fake(...lines: readonly string[]): string {
  const path = join(directory, `python${Math.random()}`);
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  chmodSync(path, 0o755);
  return path;
}

function converted(python: string, options: Partial<ConversionOptions> = {}) {
  return convertCheckpoint("demo", { out: out(), python, ...options });
}

describe("convertCheckpoint", () => {
  it("writes a directory, tells progress, and gives its path", async () => {
    const seen: (readonly [number, number])[] = [];
    const target = join(directory, "whole");
    const { path } = await convertCheckpoint("demo", {
      out: target,
      dtype: "float16",
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(path).toBe(target);
    expect(JSON.parse(readFileSync(join(path, "card.json"), "utf8"))).toMatchObject({
      kind: "mdlm",
    });
    const [done, total] = seen[seen.length - 1];
    expect(done).toBe(total);
  });

  it("takes lines that are not ours for log, however long", async () => {
    const long = `head -c 30000 /dev/zero | tr '\\0' '{'; echo`;
    const chatty = fake("echo a warning of a library", long, PROGRESS, "echo 'null'", "echo '[1'");
    await expect(converted(chatty)).rejects.toMatchObject({
      code: "backend_exited",
      message: expect.stringContaining("a warning of a library"),
    });
    const fine = fake("echo some warning", PROGRESS, `echo '{"finished": true}'`);
    await expect(converted(fine)).resolves.toEqual({ path: out() });
  });

  it.each([
    ["that does nothing", [], "backend_start_failed", "doctor"],
    [
      "without the package",
      ["echo \"No module named 'torch'\" >&2", "exit 1"],
      "backend_start_failed",
      "remdm setup",
    ],
    ["that is killed at work", [PROGRESS, "kill -9 $$"], "backend_exited", "close other programs"],
    ["that ends at work", [PROGRESS, "exit 3"], "backend_exited", "Start it again"],
  ])("says of a Python %s what to do", async (_, lines, code, remedy) => {
    await expect(converted(fake(...lines))).rejects.toMatchObject({
      code,
      remedy: expect.stringContaining(remedy),
    });
  });

  it("says that a program which is none cannot be started", async () => {
    const path = join(directory, "broken");
    writeFileSync(path, "#!/nowhere/python\n");
    chmodSync(path, 0o755);
    await expect(converted(path)).rejects.toMatchObject({
      code: "backend_start_failed",
      message: expect.stringContaining("cannot be started"),
    });
  });

  it("is stopped by its signal, but not once it is finished", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => {
      controller.abort("enough");
    };
    await expect(converted(findPython().path, { signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
      cause: "enough",
    });
    expect(existsSync(out())).toBe(false);
    const late = fake("trap '' TERM", PROGRESS, "sleep 0.3", `echo '{"finished": true}'`);
    const second = new AbortController();
    const ended = converted(late, {
      signal: second.signal,
      onProgress: () => {
        second.abort();
      },
    });
    await expect(ended).resolves.toEqual({ path: out() });
  });

  it.each([
    [{ out: "" }, "out"],
    [{ weights: "all" }, "weights"],
    [{ dtype: "int8" }, "dtype"],
    [{ force: 1 }, "force"],
    [{ signal: 1 }, "signal"],
    [{ onProgress: 1 }, "onProgress"],
    [{ output: "x" }, "output"],
  ])("refuses the options %j", async (options, option) => {
    const given = { out: out(), ...options } as never;
    await expect(convertCheckpoint("demo", given)).rejects.toMatchObject({
      code: "option_invalid",
      option,
    });
  });
});
