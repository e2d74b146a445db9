/** A project with a module of the user's in it, in which the command line is told something. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, jest } from "@jest/globals";

/**
 * Lets all tests of a file work in an empty project whose `mine.js` is `source`. Nothing may start
 * there: there is no Python.
 * @returns a function that gives what was printed since the test began.
 */
export function inProject(source: string): () => string {
  const before = { directory: process.cwd(), env: { ...process.env } };
  let scratch = "";
  let said = "";
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "remdm-cli-own-"));
    process.chdir(scratch);
    writeFileSync("package.json", '{ "type": "module" }');
    writeFileSync("mine.js", source);
    process.env.REMDM_PYTHON = "/not/there";
  });
  afterAll(() => {
    process.chdir(before.directory);
    process.env = before.env;
    rmSync(scratch, { recursive: true, force: true });
  });
  beforeEach(() => {
    said = "";
    for (const name of ["stdout", "stderr"] as const) {
      jest.spyOn(process[name], "write").mockImplementation((chunk) => {
        said += String(chunk);
        return true;
      });
    }
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  return () => said;
}
