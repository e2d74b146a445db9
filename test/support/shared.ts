/**
 * The golden data of the original repository, in `<shared>/reference`: `REMDM_SHARED`, else `../shared` beside this
 * repository. It is not part of the repository, so tests that need it are skipped without it, but never in CI.
 */
import { join } from "node:path";
import { packageRoot } from "../../src/packageRoot.ts";

export const reference: string = join(
  process.env.REMDM_SHARED ?? join(packageRoot, "..", "shared"),
  "reference",
);
