import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { removeOrphans } from "../../scripts/setup/build.mjs";
import { isSatisfied } from "../../scripts/setup/node-packages.mjs";
import { activity, duration } from "../../scripts/setup/say.mjs";
import { clearStamp, hashOf, readStamps, writeStamp } from "../../scripts/setup/stamps.mjs";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-steps-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe("stamps", () => {
  it("are read back, and cleared one by one", () => {
    writeStamp(scratch, "venv", "a");
    writeStamp(scratch, "dev", "b");
    expect(readStamps(scratch)).toEqual({ venv: "a", dev: "b" });
    clearStamp(scratch, "dev");
    expect(readStamps(scratch)).toEqual({ venv: "a" });
  });

  it("that are damaged count as absent", () => {
    writeFileSync(join(scratch, ".remdm-setup.json"), '{"venv": "a');
    expect(readStamps(scratch)).toEqual({});
    expect(readStamps(join(scratch, "not", "there"))).toEqual({});
  });

  it("depend on contents, presence and facts", () => {
    const file = join(scratch, "lock");
    const absent = hashOf([file]);
    writeFileSync(file, "1");
    const one = hashOf([file]);
    writeFileSync(file, "2");
    const two = hashOf([file]);
    expect(new Set([absent, one, two, hashOf([file], ["fact"])]).size).toBe(4);
    expect(hashOf([file])).toBe(two);
  });
});

describe("Node packages are there", () => {
  const lock = {
    "": {},
    "node_modules/a": { version: "1.0.0", integrity: "x" },
    "node_modules/b-darwin": { version: "2.0.0", integrity: "y", optional: true },
  };
  it.each([
    ["all of them", { "node_modules/a": { version: "1.0.0", integrity: "x" } }, true],
    ["another version", { "node_modules/a": { version: "1.0.1", integrity: "x" } }, false],
    ["other contents", { "node_modules/a": { version: "1.0.0", integrity: "z" } }, false],
    ["one missing", {}, false],
  ])("%s", (_, installed, expected) => {
    expect(isSatisfied(lock, installed)).toBe(expected);
  });
});

describe("the build", () => {
  it("removes what was built from sources that are gone, and nothing else", () => {
    const [src, dist] = [join(scratch, "src"), join(scratch, "dist")];
    mkdirSync(src);
    mkdirSync(dist);
    writeFileSync(join(src, "kept.ts"), "");
    const kept = ["kept.js", "kept.js.map", "kept.d.ts", ".tsbuildinfo", ".remdm-setup.json"];
    for (const name of [...kept, "gone.js", "gone.js.map", "gone.d.ts"]) {
      writeFileSync(join(dist, name), "");
    }
    removeOrphans(src, dist);
    expect(readdirSync(dist).sort()).toEqual(kept.sort());
  });
});

describe("what is said meanwhile", () => {
  it("is pip's last telling line", () => {
    expect(activity("Collecting a\n  Downloading a-1.whl (2 MB)\nnoise\n")).toBe(
      "Downloading a-1.whl (2 MB)",
    );
    expect(activity("Installing collected packages: a, b, c\n")).toBe("Installing 3 packages");
    expect(activity("nothing of that kind")).toBe("");
  });

  it.each([
    [900, "1 s"],
    [59_400, "59 s"],
    [61_000, "1 min 1 s"],
  ])("%d ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
