/**
 * Jest runs this before each test file. A file of the part `unit` gets a Python that does not exist, so
 * that a test that starts the real backend fails unless its file says so: parts.mjs.
 */
import { readFileSync } from "node:fs";
import { expect } from "@jest/globals";
import { partOf } from "./parts.mjs";

const { testPath } = expect.getState();
if (testPath === undefined) throw new Error("Jest does not say which file it runs.");
if (partOf(readFileSync(testPath, "utf8")) === "unit") {
  process.env.REMDM_PYTHON = "/no Python in unit tests (see scripts/testing/parts.mjs)";
}
