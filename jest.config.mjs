import { fileURLToPath } from "node:url";
import { filesOf } from "./scripts/testing/parts.mjs";

const part = process.env.REMDM_TEST_PART;

/** @type {import("jest").Config} */
export default {
  injectGlobals: false, // they are imported; and Observable Plot draws otherwise where it finds a global `it`
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch:
    part === undefined
      ? ["**/*.test.ts"]
      : filesOf(fileURLToPath(new URL("test", import.meta.url)), part),
  setupFilesAfterEnv: ["<rootDir>/scripts/testing/hidePython.mjs"],
  // Examples import the package; what tests import of them runs on the sources, built or not.
  moduleNameMapper: { "^remdm/sampler$": "<rootDir>/src/sampler/index.ts" },
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  // Tests that start a backend import PyTorch, which alone takes seconds on a busy machine.
  testTimeout: 60_000,
};
