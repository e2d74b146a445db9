/** Users without a home directory, and the tilde where no shell replaces it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { describeUnless } from "../support/describeUnless.ts";
import { readPath } from "../../src/cli/usage.ts";
import { expandHome, homeDirectory, userCache } from "../../src/foundation/home.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

/** As libuv says it of a user whom nobody knows. */
const nobody = (): string => {
  throw Object.assign(new Error("uv_os_homedir returned ENOENT"), { code: "ERR_SYSTEM_ERROR" });
};

describe("a user without HOME and without an entry in the list of users", () => {
  it("has no home directory and no cache, which is no error by itself", () => {
    expect(homeDirectory({}, nobody)).toBeUndefined();
    expect(userCache({}, nobody)).toBeUndefined();
    expect(userCache({ XDG_CACHE_HOME: "/cache" }, nobody)).toBe("/cache");
    expect(userCache({ HOME: "/home/me" }, nobody)).toBe(join("/home/me", ".cache"));
  });

  it("any other fault of the system is not taken for that", () => {
    const broken = () => {
      throw new Error("broken");
    };
    expect(() => homeDirectory({}, broken)).toThrow("broken");
  });
});

/** Whom nobody knows. */
const STRANGER = 54_321;
const isRoot = process.getuid?.() === 0;
const readsUs = (): boolean =>
  spawnSync("cat", [join(packageRoot, "package.json")], { uid: STRANGER }).status === 0;
const noRoot = !isRoot
  ? "only root can start a program as a user whom nobody knows"
  : readsUs()
    ? undefined
    : "this folder is closed to other users";

describeUnless(noRoot, "a user without a home", () => {
  it("is told what to name, not that it should not happen", () => {
    const cwd = mkdtempSync(join(tmpdir(), "remdm-nobody-"));
    try {
      const run = (source: string, env: Record<string, string>) =>
        spawnSync(process.execPath, ["--input-type=module", "--eval", source], {
          cwd,
          uid: STRANGER,
          env: { PATH: process.env.PATH ?? "", ...env },
          encoding: "utf8",
        });
      const library = JSON.stringify(join(packageRoot, "dist", "index.js"));
      const say = (expression: string) =>
        `const m = await import(${library}); try { console.log(${expression}) } catch (e) { console.log(e.code, e.remedy) }`;
      const named = run(say("m.findPython().path"), { REMDM_PYTHON: process.execPath });
      expect(named.stdout.trim()).toBe(process.execPath);
      const published = run(say("m.publishedCheckpoints().length"), {});
      expect(published.stdout).toMatch(/^output_failed Set REMDM_CACHE to a directory/);
      expect(
        run(say("m.publishedCheckpoints().length"), { REMDM_CACHE: "/not/there" }).stdout.trim(),
      ).toBe("3");
      const places = JSON.stringify(join(packageRoot, "scripts", "setup", "places.mjs"));
      const find = (env: string) =>
        `const m = await import(${places}); try { console.log(m.findPlaces(${env}, "/not/there").home) } catch (e) { console.log(e.remedy) }`;
      expect(run(find("{}"), {}).stdout).toMatch(/^Set REMDM_HOME to a directory/);
      expect(run(find('{ REMDM_HOME: "/place" }'), {}).stdout.trim()).toBe("/place");
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});

describe("a tilde", () => {
  it.each([
    ["~", "/home/me"],
    ["~/x.ckpt", join("/home/me", "x.ckpt")],
    ["~other/x", "~other/x"],
    ["./~/x", "./~/x"],
    ["a~/x", "a~/x"],
    ["demo", "demo"],
  ])("%s is %s", (path, expanded) => {
    expect(expandHome(path, "/home/me")).toBe(expanded);
  });

  it("is the home directory in a flag too, where the shell leaves it after =", () => {
    expect(readPath("~/x.ckpt")).toBe(expandHome("~/x.ckpt"));
    expect(readPath("~/x.ckpt")).not.toContain("~");
    expect(() => readPath("")).toThrow("It must be a path.");
  });
});
