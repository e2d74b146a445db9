/** Where this package lies: `schemas/`, `py_backend/` and `checkpoints/` are found from here. */
import { fileURLToPath } from "node:url";

/** Absolute, without a trailing slash. This file lies equally deep as `src/packageRoot.ts` and as `dist/packageRoot.js`. */
export const packageRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(
  /[/\\]$/,
  "",
);
