/** The other end of `worker.py`: a Python process that answers one timed call after the other. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { execa } from "execa";

export class Worker implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** @param args the script and its arguments. @param path where Python is to look for modules. */
  static start(python: string, args: readonly string[], path: readonly string[]): Worker {
    return new Worker(spawn(python, args, path));
  }

  /** Calls the handler of this name. Rejects when Python has ended. */
  async ask<T>(call: string, options: Readonly<Record<string, unknown>> = {}): Promise<T> {
    this.#child.stdin.write(JSON.stringify({ call, ...options }) + "\n");
    const line = await this.#lines.next();
    if (line.done === true) throw new Error("A Python process ended; what it said stands above.");
    return JSON.parse(line.value) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode } = this.#child;
    this.#child.stdin.end();
    if (exitCode === null) await once(this.#child, "exit");
  }
}

function spawn(python: string, args: readonly string[], path: readonly string[]) {
  return execa(python, args, {
    env: { PYTHONPATH: path.join(":"), GOMP_SPINCOUNT: process.env.GOMP_SPINCOUNT ?? "1000" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    buffer: false,
    reject: false,
    cleanup: true, // ends with this process
  });
}
