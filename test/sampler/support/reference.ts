/**
 * The golden data of the original repository, in `<shared>/reference`: `REMDM_SHARED`, else `../shared` beside this
 * repository. It is not part of the repository, so tests that need it are skipped without it, but never in CI.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "@jest/globals";

const repository = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const folder = join(process.env.REMDM_SHARED ?? join(repository, "../shared"), "reference");

/** A `describe` whose body is given the parsed file. */
export function describeWithReference(
  name: string,
  file: string,
  body: (data: unknown) => void,
): void {
  const path = join(folder, file);
  if (existsSync(path)) {
    const data: unknown = JSON.parse(readFileSync(path, "utf8"));
    describe(name, () => body(data));
  } else if (process.env.CI) {
    it(name, () => {
      throw new Error(`CI needs the golden data: ${path} is missing; set REMDM_SHARED`);
    });
  } else {
    it.skip(`${name} (${path} is missing; set REMDM_SHARED)`, () => undefined);
  }
}
