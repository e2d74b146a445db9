/** A `describe` over a file of golden data. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "@jest/globals";
import { reference } from "../../support/shared.ts";

/** A `describe` whose body is given the parsed file. */
export function describeWithReference(
  name: string,
  file: string,
  body: (data: unknown) => void,
): void {
  const path = join(reference, file);
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
