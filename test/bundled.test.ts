/** Code of ours that a bundler has taken away from the package's files. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as original from "../src/foundation/packageRoot.ts";

const { packagePath, packageRoot, packageVersion } = original;

let elsewhere = "";
beforeAll(() => {
  elsewhere = mkdtempSync(join(tmpdir(), "remdm-bundle-"));
  const app = join(elsewhere, "app/foundation");
  mkdirSync(app, { recursive: true });
  for (const file of ["packageRoot.ts", "errors.ts", "messages.ts"]) {
    copyFileSync(join(packageRoot, "src/foundation", file), join(app, file));
  }
});
afterAll(() => {
  rmSync(elsewhere, { recursive: true, force: true });
});

describe("the package's files", () => {
  it("are found from its own code", () => {
    expect(packagePath("schemas", "reply.json")).toBe(join(packageRoot, "schemas/reply.json"));
    expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it("are missed with an error that says why, where the code was bundled into another place", async () => {
    const bundled = (await import(
      pathToFileURL(join(elsewhere, "app/foundation/packageRoot.ts")).href
    )) as typeof original;
    for (const use of [() => bundled.packagePath("py_backend"), bundled.packageVersion]) {
      expect(use).toThrow(
        expect.objectContaining({
          code: "package_bundled",
          message: expect.stringContaining("bundled"),
          remedy: expect.stringContaining("serverExternalPackages"),
        }),
      );
    }
  });
});
