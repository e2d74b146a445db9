/** A directory for the files of one test. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "@jest/globals";

/** @returns a function that writes a file and gives its path. */
export function scratchFiles(): (name: string, contents: string | Uint8Array) => string {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "remdm-eval-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return (name, contents) => {
    const path = join(directory, name);
    writeFileSync(path, contents);
    return path;
  };
}
