/** Calls of the Python package other than the SDK's own: as in src/backend/process.ts it is found by PYTHONPATH. */
import { delimiter, join } from "node:path";
import { packageRoot } from "../packageRoot.ts";

/** In front of its arguments. */
export const BACKEND_MODULE = ["-m", "remdm_backend"] as const;

export function backendEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const paths = [join(packageRoot, "py_backend"), env.PYTHONPATH ?? ""];
  return { ...env, PYTHONPATH: paths.filter((path) => path !== "").join(delimiter) };
}
