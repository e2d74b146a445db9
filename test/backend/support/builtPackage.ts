/** The package as a user has it, built from the sources of this moment, for tests in other processes. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { transformSync } from "@swc/core";
import { execa } from "execa";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

/** What a package consists of besides `dist`. */
const PARTS = ["package.json", "schemas", "py_backend", "checkpoints", "data", "node_modules"];

/** The directories of backends' sockets; PyTorch leaves caches of its own beside them. */
export function socketsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith("remdm-"));
}

const OPTIONS = {
  jsc: {
    parser: { syntax: "typescript" },
    target: "es2022",
    rewriteRelativeImportExtensions: true,
  },
  module: { type: "es6" },
} as const;

export class BuiltPackage {
  readonly #root: string;
  /** Where its scripts' backends put their sockets. */
  readonly scratch: string;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), "remdm-pkg-"));
    this.scratch = join(this.#root, "t");
    mkdirSync(this.scratch);
    for (const part of PARTS) symlinkSync(join(packageRoot, part), join(this.#root, part));
    for (const file of readdirSync(join(packageRoot, "src"), {
      recursive: true,
      encoding: "utf8",
    })) {
      if (file.endsWith(".ts")) this.#build(file);
    }
  }

  /**
   * Starts a module that has `Remdm` and the rest of the package in scope.
   * @param runtime node, or deno with its permissions.
   */
  run(body: string, runtime: readonly string[] = [process.execPath]) {
    const path = join(this.#root, `script-${Math.trunc(performance.now() * 1000)}.mjs`);
    writeFileSync(
      path,
      `import * as remdm from "./dist/index.js";\nconst { Remdm } = remdm;\n${body}`,
    );
    const [command, ...first] = runtime;
    return execa(command, [...first, path], {
      env: { TMPDIR: this.scratch },
      reject: false,
      timeout: 100_000,
      stdin: "ignore",
    });
  }

  /** What the scripts have left behind of their backends. */
  get leftovers(): string[] {
    return socketsIn(this.scratch);
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  #build(file: string): void {
    const { code } = transformSync(readFileSync(join(packageRoot, "src", file), "utf8"), OPTIONS);
    const target = join(this.#root, "dist", file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}
