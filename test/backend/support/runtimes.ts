/** How a module is run under each runtime. */
import { join } from "node:path";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

/** What our users are told to allow under Deno. */
export const DENO_PERMISSIONS = ["ffi", "read", "write", "env", "run", "sys"].map(
  (name) => `--allow-${name}`,
);

/** Each with its command and first arguments. */
export const RUNTIMES: [string, string[]][] = [
  ["Node", [process.execPath]],
  ["Deno", [join(packageRoot, "node_modules/.bin/deno"), "run", "--no-check", ...DENO_PERMISSIONS]],
];
