/**
 * Opens worker threads where the host has them: Node from 20.16 and 22.3 on, and Deno. The module
 * is asked of the running process, so that the sampler imports nothing and loads in a browser too.
 */
import type { Piece } from "./piece.ts";
import type { SharedRows } from "./sharedRows.ts";

/** A thread that draws pieces, one after the other. It keeps no program from ending. */
export interface RowThread {
  send(piece: Piece): void;
  /** Ends the thread, in the middle of a piece too. */
  end(): Promise<void>;
}

/**
 * Opens a thread.
 * @param onEnd is called when the thread has ended, with the error that ended it; maybe twice.
 * @throws where the host has none, or does not allow it.
 */
export type OpenThread = (shared: SharedRows, onEnd: (cause?: unknown) => void) => RowThread;

/** The parts of `node:worker_threads` that are used here. */
interface WorkerThreads {
  readonly Worker: new (file: object, options: object) => NodeWorker;
  readonly parentPort: ParentPort | null;
  readonly workerData: unknown;
}

interface NodeWorker {
  on(event: "error" | "exit", listener: (cause: unknown) => void): void;
  postMessage(piece: Piece): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

interface ParentPort {
  on(event: "message", listener: (piece: Piece) => void): void;
}

interface Host {
  readonly process?: { getBuiltinModule?(name: string): unknown };
  readonly navigator?: { readonly hardwareConcurrency?: number };
}

const host = globalThis as Host;

/** Is no literal where it is used: a bundler would take it for a file to copy. */
const WORKER = "./main.js";

/** Returns what a worker needs of its host. @throws Error where the host has no worker threads. */
export function workerThreads(): WorkerThreads {
  const found = host.process?.getBuiltinModule?.("node:worker_threads");
  if (found === undefined) throw new Error("this host has no node:worker_threads");
  return found as WorkerThreads;
}

/** Returns how many threads run at a time here; 1 where the host does not say. */
export function parallelism(): number {
  interface Os {
    availableParallelism(): number;
  }
  const os = host.process?.getBuiltinModule?.("node:os") as Os | undefined;
  return os?.availableParallelism() ?? host.navigator?.hardwareConcurrency ?? 1;
}

/** Opens a thread of the host that runs `main.js`, which lies beside this file. */
export const openThread: OpenThread = (shared, onEnd) => {
  const { Worker } = workerThreads();
  const file = new URL(WORKER, import.meta.url);
  // Without the program's own flags, which may load code of the program into each thread.
  const worker = new Worker(file, { workerData: shared.buffer, execArgv: [], name: "remdm rows" });
  worker.unref();
  worker.on("error", (cause) => onEnd(cause));
  worker.on("exit", () => onEnd());
  return {
    send: (piece) => worker.postMessage(piece),
    end: async () => {
      await worker.terminate();
    },
  };
};
