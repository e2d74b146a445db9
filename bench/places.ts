/** Where the benchmarks find and put their files, and what they share in measuring. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa, type ResultPromise } from "execa";
import { findPython, type Tokenizer } from "remdm";
import { Worker } from "./worker.ts";

/** From `.remdm/bench/bench/`, where this is compiled to. */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const backend = join(root, "py_backend");
const python = findPython().path;

/** The command line. */
export const program: string = join(root, "dist", "cli", "main.js");
/** The checkpoint that the package brings. */
export const demo: string = join(root, "checkpoints", "demo");

const scriptOf = (name: string) => join(root, "bench", name);
const parity = join(root, "examples", "parity");

/** Texts do not matter here. */
export const noTokenizer: Tokenizer = {
  name: "none",
  vocabSize: 50_257,
  eosId: 50_256,
  encode: () => Promise.resolve([]),
  decode: () => "",
};

/** Models of the published size with random weights, in a folder that goes when the process ends. */
export class Models implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "remdm-bench-"));
  readonly #remove = (): void => {
    rmSync(this.directory, { recursive: true, force: true });
  };
  readonly #end = (): void => {
    this.#remove();
    process.exit(1); // the backend ends with us
  };

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, this.#end);
  }

  /** @returns the model's path. */
  async make(kind: "dit" | "ar" | "bd3lm", block = 4): Promise<string> {
    const path = join(this.directory, kind);
    await runPython("models.py", path, kind, String(block));
    return path;
  }

  [Symbol.dispose](): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, this.#end);
    this.#remove();
  }
}

/** Runs a script of ours; it ends when its standard input does, if it looks at that. Rejects when it fails. */
export function runPython(script: string, ...args: string[]): ResultPromise<typeof PIPES> {
  const env = { PYTHONPATH: backend, GOMP_SPINCOUNT: "1000" };
  return execa(python, [scriptOf(script), ...args], { env, ...PIPES });
}

const PIPES = { stdin: "pipe", stdout: "ignore", stderr: "pipe" } as const;

/** The bare network in a process of its own. */
export function bareNetwork(model: string, dtype: string): Worker {
  return Worker.start(python, [scriptOf("trunk.py"), model, dtype], [backend]);
}

/** The original repository's sampler with the same model, in its own Python (examples/parity/README.md sets it up). */
export function originalSampler(repository: string, model: string, dtype: string): Worker {
  const args = [scriptOf("theirs.py"), repository, model, dtype];
  return Worker.start(process.env.REMDM_REFERENCE_PYTHON || python, args, [parity]);
}
