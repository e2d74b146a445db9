/** A package for pip that needs no network: a wheel of a few lines. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

const MAKE = `
import sys, zipfile
folder, source = sys.argv[1:]
with zipfile.ZipFile(f"{folder}/tiny_remdm-1-py3-none-any.whl", "w") as wheel:
    info = "tiny_remdm-1.dist-info"
    wheel.writestr("tiny_remdm/__init__.py", source)
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny-remdm\\nVersion: 1\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    names = ["tiny_remdm/__init__.py", *(f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD"))]
    wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\\n" for name in names))
`;

/** The Python under which the tests run: good enough to make another environment. */
export const python = process.env.REMDM_PYTHON ?? "python3";

/**
 * Makes `tiny-remdm` 1, with the module `tiny_remdm`.
 * @param source of the module.
 * @returns the folder that the wheel is in, for `--find-links`.
 */
export function makeTinyWheel(scratch: string, source = ""): string {
  const folder = join(scratch, "wheels");
  mkdirSync(folder, { recursive: true });
  execFileSync(python, ["-c", MAKE, folder, source]);
  return folder;
}
