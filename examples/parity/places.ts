/** Where things lie: the original's checkout and its Python, our own Python files, the golden checkpoints. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { findPython } from "remdm";
import { UsageError } from "./usage.ts";

/** This module runs as examples/dist/parity/places.js. */
const repository = fileURLToPath(new URL("../../../", import.meta.url));
const sources = join(repository, "examples", "parity");

/** The file that pythonia imports. */
export const referenceModule: string = join(sources, "reference.py");

/** The recorder of published samplers. */
export const peerRecorder: string = join(sources, "peers", "peers.py");

/** Its recordings, committed: `test/golden/peers/README.md`. */
export const goldenPeers: string = join(repository, "test", "golden", "peers");

const SETUP = "examples/parity/README.md says how to set it up.";

/** @throws UsageError. */
export function findOriginal(env: NodeJS.ProcessEnv = process.env): string {
  const { REMDM_REFERENCE: given } = env;
  if (!given) {
    throw new UsageError(
      "REMDM_REFERENCE is not set",
      `Set it to your checkout of the original repository (kuleshov-group/remdm). ${SETUP}`,
    );
  }
  const path = resolve(given);
  const lacking = ["diffusion.py", join("configs", "config.yaml")].filter(
    (file) => !existsSync(join(path, file)),
  );
  if (lacking.length === 0) return path;
  throw new UsageError(
    `${path}, from REMDM_REFERENCE, is no checkout of the original repository: it lacks ${lacking.join(" and ")}`,
    SETUP,
  );
}

/** The Python that published samplers run in; it needs PyTorch and NumPy. */
export function findPeersPython(env: NodeJS.ProcessEnv = process.env): string {
  return env.REMDM_REFERENCE_PYTHON || findPython(undefined, env).path;
}

/**
 * A Python that has the packages that the original needs to sample.
 * @throws UsageError, with the command that installs them.
 */
export async function findOriginalPython(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const given = env.REMDM_REFERENCE_PYTHON;
  const python = given || findPython(undefined, env).path;
  const origin = given ? "REMDM_REFERENCE_PYTHON" : "the environment of remdm";
  const { stdout, stderr, failed } = await execa(python, [join(sources, "packages.py")], {
    reject: false,
    stdin: "ignore",
  });
  if (failed) {
    throw new UsageError(
      `${python}, from ${origin}, cannot be run: ${stderr.trim().split("\n").at(-1) || "there is no such program"}`,
      "Set REMDM_REFERENCE_PYTHON to the Python of the original's environment.",
    );
  }
  const { missing } = JSON.parse(stdout) as { readonly missing: readonly string[] };
  if (missing.length === 0) return python;
  throw new UsageError(
    `${python}, from ${origin}, lacks packages that the original needs: ${missing.join(", ")}`,
    `Run \`${python} -m pip install -r ${join(sources, "requirements.txt")}\`, or set REMDM_REFERENCE_PYTHON to the Python of the original's environment.`,
  );
}

/** What the original trained and saved: `test/golden/README.md`. */
export const goldenCheckpoints: readonly string[] = ["mdlm", "sedd", "d3pm", "ar"].map((kind) =>
  join(repository, "test", "golden", "checkpoints", `${kind}.ckpt`),
);
