import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { findPython, pythonCandidates } from "../../../src/backend/process/python.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "remdm-home-"));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function program(...parts: string[]): string {
  const path = join(home, ...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  chmodSync(path, 0o755);
  return path;
}

const commands = (...given: Parameters<typeof pythonCandidates>) =>
  pythonCandidates(...given).map(({ source, command }) => `${source} ${command}`);

describe("pythonCandidates", () => {
  it("looks where it is told first, then at conda, the checkout and the cache", () => {
    const env = { REMDM_PYTHON: "/r/python", CONDA_PREFIX: "/conda", HOME: "/home/me" };
    expect(commands("/o/python", env, "/root")).toEqual([
      "option /o/python",
      "REMDM_PYTHON /r/python",
      "conda /conda/bin/python",
      "checkout /root/.venv/bin/python",
      "cache /home/me/.cache/remdm/venv/bin/python",
    ]);
  });

  it.each([
    [{ HOME: "/h" }, "/h/.cache/remdm/venv/bin/python"],
    [{ HOME: "/h", XDG_CACHE_HOME: "/x" }, "/x/remdm/venv/bin/python"],
    [{ HOME: "/h", XDG_CACHE_HOME: "/x", REMDM_HOME: "/r" }, "/r/venv/bin/python"],
    [
      { HOME: "/h", XDG_CACHE_HOME: "", REMDM_HOME: "", CONDA_PREFIX: "" },
      "/h/.cache/remdm/venv/bin/python",
    ],
  ])("finds the cache with %j", (env, path) => {
    expect(commands(undefined, env, "/root")).toEqual([
      "checkout /root/.venv/bin/python",
      `cache ${path}`,
    ]);
  });
});

describe("findPython", () => {
  it("takes the first that is there", () => {
    const path = program("conda", "bin", "python");
    const env = { CONDA_PREFIX: join(home, "conda"), HOME: home };
    expect(findPython(undefined, env)).toEqual({ source: "conda", path });
  });

  it("passes over a conda environment without Python", () => {
    const env = { CONDA_PREFIX: join(home, "conda"), REMDM_HOME: join(home, "remdm") };
    program("remdm", "venv", "bin", "python");
    expect(["checkout", "cache"]).toContain(findPython(undefined, env).source);
  });

  it("finds a command in PATH, as a shell would", () => {
    const path = program("bin", "python3.99");
    const env = { PATH: `/nowhere:${join(home, "bin")}` };
    expect(findPython("python3.99", env)).toEqual({ source: "option", path });
  });

  it.each([
    ["option", "/nowhere/python", {}],
    ["REMDM_PYTHON", undefined, { REMDM_PYTHON: "/nowhere/python" }],
    ["option", "python3.99", { PATH: "/nowhere" }],
    ["option", packageRoot, {}],
  ])("looks no further when what %s names is no program: %s", (source, option, env) => {
    expect(() => findPython(option, env)).toThrow(
      expect.objectContaining({
        code: "python_missing",
        message: expect.stringContaining(source),
      }),
    );
  });

  it("takes a relative path as seen from here, and gives it whole", () => {
    const path = program("here");
    expect(findPython(relative(process.cwd(), path), { PATH: "" }).path).toBe(path);
    const plain = join(relative(process.cwd(), home), ".", "here");
    expect(findPython(`./${plain}`, {}).path).toBe(path);
  });

  it("does not take a file that cannot be run", () => {
    const path = program("python");
    chmodSync(path, 0o644);
    expect(() => findPython(path, {})).toThrow("is not a program that can be run");
  });
});
