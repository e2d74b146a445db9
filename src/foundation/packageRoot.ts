/**
 * Finds where this package lies, with `schemas/`, `py_backend/` and `checkpoints/`, and its
 * version.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RemdmError } from "./errors.ts";

/**
 * The package's directory, absolute and without a trailing slash. This file lies equally deep in
 * `src/foundation` and in `dist/foundation`. No bundler takes the path for an asset, as it would
 * with `new URL(..., import.meta.url)`.
 */
export const packageRoot: string = dirname(dirname(dirname(fileOf(import.meta.url))));

/**
 * Returns the path of a file or directory of this package.
 * @throws RemdmError package_bundled when the package's files do not lie around its code.
 */
export function packagePath(...parts: readonly string[]): string {
  if (!existsSync(join(packageRoot, "schemas", "request.json"))) {
    throw new RemdmError(
      `The files of the package remdm are not in ${packageRoot}: probably its code was bundled into another file`,
      {
        code: "package_bundled",
        remedy:
          "Keep remdm out of the bundle (esbuild: --external:remdm, webpack: externals, Next.js: " +
          "serverExternalPackages; docs/bundlers.md in the package has more) and install it beside it.",
      },
    );
  }
  return join(packageRoot, ...parts);
}

/**
 * Reads the package's version. @throws RemdmError package_bundled; Error when the package is
 * damaged.
 */
export function packageVersion(): string {
  const path = packagePath("package.json");
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    return String(manifest.version);
  }
  throw new Error(`${path} names no version`);
}

/**
 * Returns the path of this file. A bundle in CommonJS has no `import.meta.url`; then no file is
 * found beside the code, and {@link packagePath} says so.
 */
function fileOf(url: string | undefined): string {
  return url === undefined ? join(process.cwd(), "bundle", "remdm.js") : fileURLToPath(url);
}
