/** Where this package lies (`schemas/`, `py_backend/` and `checkpoints/` are found from there), and its version. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RemdmError } from "./errors.ts";

/**
 * Absolute, without a trailing slash. This file lies equally deep as `src/foundation/packageRoot.ts` and as `dist/foundation/packageRoot.js`.
 * Written so that no bundler takes it for an asset: they look for `new URL(..., import.meta.url)`.
 */
export const packageRoot: string = dirname(dirname(dirname(fileOf(import.meta.url))));

/**
 * The path of a file or directory of this package.
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

/** @throws RemdmError package_bundled; Error when the package is damaged. */
export function packageVersion(): string {
  const path = packagePath("package.json");
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) {
    return String(manifest.version);
  }
  throw new Error(`${path} names no version`);
}

/** A bundle in CommonJS has no `import.meta.url`; then nothing is found beside the code, which {@link packagePath} says. */
function fileOf(url: string | undefined): string {
  return url === undefined ? join(process.cwd(), "bundle", "remdm.js") : fileURLToPath(url);
}
