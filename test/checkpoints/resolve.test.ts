import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { checkpointCache } from "../../src/checkpoints/published.ts";
import { resolveCheckpoint } from "../../src/checkpoints/resolve.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const home = process.cwd();
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-resolve-"));
  process.chdir(scratch);
});
afterEach(() => {
  process.chdir(home);
  rmSync(scratch, { recursive: true, force: true });
});

it("a bundled name is a directory of the package", () => {
  for (const name of ["demo", "demo-ar", "demo-sedd"]) {
    expect(resolveCheckpoint(name).path).toBe(join(packageRoot, "checkpoints", name));
    expect(resolveCheckpoint(name).remedy).toContain("install the package again");
  }
});

it.each(["mdlm", "sedd", "ar"])("%s is the downloaded file", (name) => {
  const { path, remedy } = resolveCheckpoint(name);
  expect(path).toBe(join(checkpointCache(), `${name}.ckpt`));
  expect(remedy).toContain(`remdm checkpoints download ${name}`);
});

it("unless the current directory has something of that name", () => {
  writeFileSync("mdlm", "");
  expect(resolveCheckpoint("mdlm").path).toBe(resolve("mdlm"));
});

it("everything else is a path", () => {
  expect(resolveCheckpoint("some/mdlm").path).toBe(resolve("some/mdlm"));
});

it.each([
  [{ REMDM_CACHE: "/a", XDG_CACHE_HOME: "/b", HOME: "/c" }, "/a"],
  [{ XDG_CACHE_HOME: "/b", HOME: "/c" }, "/b/remdm/checkpoints"],
  [{ REMDM_CACHE: "", XDG_CACHE_HOME: "", HOME: "/c" }, "/c/.cache/remdm/checkpoints"],
  [{}, join(homedir(), ".cache/remdm/checkpoints")],
])("the cache of %j", (env, expected) => {
  expect(checkpointCache(env)).toBe(expected);
});
