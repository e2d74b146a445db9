/**
 * Makes the environment in which our Python package runs. PYTHONPATH names the package, so it
 * always fits this SDK.
 */
import { delimiter } from "node:path";
import { packagePath } from "../../foundation/packageRoot.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the package when it stands before the package's arguments. */
export const BACKEND_MODULE = ["-m", "remdm_backend"] as const;

/** Returns `env` with the variables that the backend needs. */
export function backendEnvironment(
  env: Environment = process.env,
): Record<string, string | undefined> {
  const modules = [packagePath("py_backend"), env.PYTHONPATH ?? ""];
  return {
    ...env,
    PYTHONPATH: modules.filter((path) => path !== "").join(delimiter),
    PYTHONSAFEPATH: "1", // a `torch.py` in the user's folder is not ours to import
    // PyTorch's threads wait for each other by spinning; beside other work that costs a factor of
    // ten.
    GOMP_SPINCOUNT: env.GOMP_SPINCOUNT ?? "1000",
  };
}
