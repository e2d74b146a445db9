/** A `RowPool` is worker threads that draw rows beside the thread that samples. */
import { checkInteger, checkOptions } from "../../../foundation/checks.ts";
import { RowWorker } from "./rowWorker.ts";
import { openThread, parallelism, type OpenThread } from "./thread.ts";

export interface RowPoolOptions {
  /**
   * Threads that draw rows beside the calling one, in [0, 64]. Default: one less than the threads
   * that the machine runs at a time, at most 2. 0: none.
   */
  readonly workers?: number | undefined;
}

const MOST_WORKERS = 64;
const DEFAULT_MOST = 2;

/**
 * Threads that runs share: `sample(denoiser, options, noise, pool)`. They start when a step first
 * has enough rows to draw, and draw the same tokens. `close` ends them; they keep no program from
 * ending. Where there are no worker threads (browsers, Node before 20.16), and where one has died,
 * the calling thread draws in its place.
 */
export class RowPool implements AsyncDisposable {
  readonly #count: number;
  readonly #openThread: OpenThread;
  #workers: RowWorker[] | undefined;
  #failure: unknown;

  /** @param open starts a thread; for tests. @throws OptionError. */
  constructor(options: RowPoolOptions = {}, open: OpenThread = openThread) {
    checkOptions("RowPool", options, { workers: true });
    this.#count = checkWorkers(options.workers) ?? defaultWorkers();
    this.#openThread = open;
  }

  /** How many threads there are, those that are starting included. */
  get size(): number {
    return this.#workers?.length ?? 0;
  }

  /** Why a thread could not start or died; undefined: each is well. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Starts the threads when first called, and returns those that are there. */
  start(): readonly RowWorker[] {
    this.#workers ??= this.#open();
    return this.#workers;
  }

  /**
   * Ends the threads. Runs under way go on in their own thread. May be called any number of times.
   */
  async close(): Promise<void> {
    const workers = this.#workers ?? [];
    this.#workers = [];
    await Promise.all(workers.map((worker) => worker.end()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): RowWorker[] {
    const workers: RowWorker[] = [];
    try {
      for (let i = 0; i < this.#count; i++) {
        const worker = new RowWorker(this.#openThread, (cause) => this.#lose(worker, cause));
        workers.push(worker);
      }
    } catch (error) {
      this.#failure = error;
    }
    return workers;
  }

  #lose(worker: RowWorker, cause: unknown): void {
    if (this.#workers?.includes(worker) !== true) return; // it was closed
    this.#workers = this.#workers.filter((other) => other !== worker);
    this.#failure ??= cause ?? new Error("a thread that draws rows has ended by itself");
  }
}

/** Checks a number of threads; undefined: the default. @throws OptionError. */
export function checkWorkers(workers: unknown): number | undefined {
  return workers === undefined ? undefined : checkInteger("workers", workers, 0, MOST_WORKERS);
}

/** Leaves one thread of the machine to the caller. */
function defaultWorkers(): number {
  return Math.max(0, Math.min(DEFAULT_MOST, parallelism() - 1));
}
