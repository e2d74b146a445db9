/**
 * The original, in its own Python, through pythonia. Its traps are in docs/measurements.md,
 * "pythonia": a call has 100 s unless told otherwise, settles never when Python dies, and loses the
 * message of an error; so each call races with the end of the process, and everything crosses as JSON.
 */
import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelKind } from "remdm";
import type { OriginalOptions } from "./cases.ts";
import type { State } from "./compare.ts";
import { referenceModule } from "./places.ts";

/** What `original.py` says of a checkpoint. */
export interface Card {
  readonly kind: ModelKind;
  readonly length: number;
  readonly vocabSize: number;
  readonly tokenizerSize: number;
  readonly maskId: number;
  readonly bosId: number | null;
  readonly eosId: number | null;
  /** `ema`, or `raw` where the checkpoint has no averaged weights. */
  readonly weights: "ema" | "raw";
  /** Packages that were not there. */
  readonly standIns: readonly string[];
  readonly torch: string;
}

/** One question that the network was asked during the run, and the rows of its answer. */
export interface Probe {
  readonly tokens: State;
  readonly sigma: readonly number[];
  /** Flat indices into [B, L], ascending. */
  readonly rows: readonly number[];
  /** [rows, V] */
  readonly output: Float32Array;
}

export interface OriginalRun {
  readonly tokens: State;
  /** The state after every step; `ar` has none. */
  readonly trajectory: readonly State[];
  readonly forwardCalls: number;
  readonly seconds: number;
  readonly probe: Probe;
}

export interface OriginalCase extends OriginalOptions {
  readonly batch: number;
  readonly seed: number;
}

/** What is used of pythonia: its own types are `any`. `name$` takes keyword arguments, `$timeout` in ms among them. */
interface Pythonia {
  readonly python: ((path: string) => Promise<Reference>) & { exit(): void };
  readonly com: { readonly proc: ChildProcess };
}
type Call = (request: string, options: { readonly $timeout: number }) => Promise<string>;
interface Reference {
  readonly load$: Call;
  readonly run$: Call;
}

/** Importing pythonia starts the Python, with our environment as it is at that moment. */
async function importPythonia(python: string, folder: string): Promise<Pythonia> {
  const restore = setVariables({
    PYTHON_BIN: python,
    // What the original's packages leave behind goes with the folder; if we are killed, the Python removes it.
    TMPDIR: folder,
    REMDM_PARITY_FOLDER: folder,
    // Threads that spin while they wait for each other slow down whoever runs beside them.
    GOMP_SPINCOUNT: process.env.GOMP_SPINCOUNT ?? "1000",
  });
  try {
    return ((await import("pythonia")) as unknown as { default: Pythonia }).default;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    restore();
  }
}

/** @returns puts them back as they were. */
function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
}

export class Original implements AsyncDisposable {
  readonly #pythonia: Pythonia;
  readonly #folder: string;
  /** Rejects when Python ends, or when the caller has enough. */
  readonly #over: Promise<never>;
  readonly #ended: Promise<unknown>;
  #reference: Reference | undefined;
  #isEnding = false;

  private constructor(pythonia: Pythonia, folder: string, signal: AbortSignal) {
    this.#pythonia = pythonia;
    this.#folder = folder;
    const { proc } = pythonia.com;
    this.#ended = new Promise((resolve) => {
      proc.once("exit", resolve);
      proc.on("error", resolve);
    });
    this.#over = Promise.race([
      this.#ended.then(() => {
        throw new Error("The original's Python ended; what it said last stands above.");
      }),
      new Promise<never>((_, reject) => {
        const abort = () => reject(new Error("interrupted"));
        signal.addEventListener("abort", abort, { once: true });
        if (signal.aborted) abort();
      }),
    ]);
    this.#over.catch(() => undefined); // nobody may be waiting when it happens
    process.once("exit", this.#onExit);
  }

  /** Starts the Python. End it with `close`, or declare it with `await using`. */
  static async start(python: string, signal: AbortSignal): Promise<Original> {
    const folder = await mkdtemp(join(tmpdir(), "remdm-parity-"));
    const original = new Original(await importPythonia(python, folder), folder, signal);
    try {
      original.#reference = await original.#orOver(original.#pythonia.python(referenceModule));
      return original;
    } catch (error) {
      await original.close();
      throw error;
    }
  }

  /** Loads a checkpoint with the original's own code, in the place of the one before. */
  async load(request: {
    readonly repository: string;
    readonly checkpoint: string;
    readonly device: string;
  }): Promise<Card> {
    return (await this.#call("load$", request)) as Card;
  }

  /** Samples once. */
  async run(original: OriginalCase): Promise<OriginalRun> {
    const answer = join(this.#folder, "run.json");
    const rows = join(this.#folder, "probe.f32");
    await this.#call("run$", { case: original, answer, probe: rows });
    const { probe, ...run } = JSON.parse(await readFile(answer, "utf8")) as OriginalRun;
    const { buffer, byteOffset, byteLength } = await readFile(rows);
    const output = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
    return { ...run, probe: { ...probe, output } };
  }

  /** Resolves when nothing is left: no process, no file. Any number of times. */
  async close(): Promise<void> {
    process.off("exit", this.#onExit);
    this.#end();
    await this.#ended;
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #call(name: keyof Reference, request: unknown): Promise<unknown> {
    if (this.#reference === undefined) throw new Error("the original has not been started");
    const call = this.#reference[name](JSON.stringify(request), { $timeout: Infinity });
    const reply = JSON.parse(await this.#orOver(call)) as { error?: string; traceback?: string };
    if (reply.error === undefined) return reply;
    throw new Error(`The original failed: ${reply.error}`, { cause: reply.traceback });
  }

  #orOver<T>(call: Promise<T>): Promise<T> {
    return Promise.race([call, this.#over]);
  }

  /** What a second Ctrl-C leaves time for. */
  readonly #onExit = (): void => {
    this.#end();
    rmSync(this.#folder, { recursive: true, force: true });
  };

  /** Without it Node never ends. A second time it would throw. */
  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#pythonia.python.exit();
  }
}
