/** Where this package lies (`schemas/`, `py_backend/` and `checkpoints/` are found from there), and its version. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute, without a trailing slash. This file lies equally deep as `src/packageRoot.ts` and as `dist/packageRoot.js`. */
export const packageRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(
  /[/\\]$/,
  "",
);

/** @throws Error when the package is damaged. */
export function packageVersion(): string {
  const path = join(packageRoot, "package.json");
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    return String(manifest.version);
  }
  throw new Error(`${path} names no version`);
}
