/**
 * Runs the backend as a child process. The process ends when we tell it to, or when our end of its
 * standard input closes, however we ended. It removes its socket's directory, and we remove what it
 * leaves. It does not keep our process alive; calls that wait for it do.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { BackendError } from "../errors.ts";
import { BACKEND_MODULE, backendEnvironment } from "./environment.ts";
import { endedError, type ProcessEnd } from "./lastWords.ts";
import { LogTail } from "./logTail.ts";
import { makeSocketDirectory, type SocketDirectory } from "./socketDirectory.ts";

export interface ProcessOptions {
  /** The path of a Python that has the backend's packages. */
  readonly python: string;
  /** The path of the checkpoint, as the backend opens it. */
  readonly checkpoint: string;
  readonly device: string;
  readonly dtype: string;
  readonly rawWeights: boolean;
  /** Whether the model judges texts instead of being sampled from. Default false. */
  readonly judge?: boolean;
  /** Receives each line that the backend writes. */
  readonly onLog?: ((line: string) => void) | undefined;
}

/** Milliseconds from SIGTERM to SIGKILL. */
const KILL_DELAY_MS = 500;
/** How long we read the stderr of a dead process whose children hold it open, in milliseconds. */
const STDERR_GRACE_MS = 200;

export class BackendProcess {
  /** The `ipc://` address that it listens on once it is up. */
  readonly endpoint: string;
  /**
   * Resolves when the process is gone and nothing of it is left, with the reason; never rejects.
   */
  readonly gone: Promise<BackendError>;
  readonly #child: ReturnType<typeof spawn>;
  readonly #directory: SocketDirectory;
  readonly #log: LogTail;
  #ready = false;
  #stopping = false;

  constructor(options: ProcessOptions) {
    const directory = makeSocketDirectory();
    const log = new LogTail(options.onLog);
    this.#directory = directory;
    this.#log = log;
    this.endpoint = directory.endpoint;
    this.#child = spawn(options, directory.endpoint);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log.push(text);
    });
    this.#hold(false);
    this.gone = endOf(this.#child).then((end) => {
      this.#child.stderr.destroy();
      log.end();
      directory.remove();
      return endedError(options.python, end, log.lines, this.#ready);
    });
  }

  /** The last lines that the process wrote to stderr. */
  get lastLines(): readonly string[] {
    return this.#log.lines;
  }

  /**
   * Says that the process answered the handshake: from now on its end is not a failed start. We are
   * connected and nobody else will be, so the socket's directory is removed now and cannot stay
   * behind.
   */
  markReady(): void {
    this.#ready = true;
    this.#directory.remove();
  }

  /**
   * Ends the process by SIGTERM, then SIGKILL. Resolves when it is gone and nothing of it is left.
   * It may be called any number of times.
   */
  async stop(): Promise<void> {
    this.#hold(true);
    if (!this.#stopping) this.#child.kill("SIGTERM");
    this.#stopping = true;
    await this.gone;
  }

  /** Says whether our process stays alive until this one is gone. */
  #hold(held: boolean): void {
    for (const handle of [this.#child, ...this.#child.stdio]) {
      // Streams over pipes have both methods, which the type of a stream does not say.
      const method: unknown =
        handle === null ? undefined : Reflect.get(handle, held ? "ref" : "unref");
      if (typeof method === "function") method.call(handle);
    }
  }
}

function spawn(options: ProcessOptions, endpoint: string) {
  const { python, checkpoint, device, dtype, rawWeights, judge = false } = options;
  const serve = ["serve", "--checkpoint", checkpoint, "--endpoint", endpoint];
  const network = ["--device", device, "--dtype", dtype];
  const flags = [...(rawWeights ? ["--raw-weights"] : []), ...(judge ? ["--judge"] : [])];
  return execa(
    python,
    [...BACKEND_MODULE, ...serve, ...network, ...flags, "--managed", "--own-directory"],
    {
      env: backendEnvironment(),
      stdin: "pipe", // held open: the backend ends when it closes
      stdout: "ignore",
      stderr: "pipe",
      buffer: false,
      reject: false,
      cleanup: true, // ends with this process
      forceKillAfterDelay: KILL_DELAY_MS,
    },
  );
}

/** Resolves at the child's exit, or when it could not be started. */
async function endOf(child: ReturnType<typeof spawn>): Promise<ProcessEnd> {
  const settled = child.then(({ exitCode, signal, cause }): ProcessEnd => {
    const neverStarted = exitCode === undefined && signal === undefined;
    return { exitCode, signal, ...(neverStarted && { cause }) };
  });
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once("exit", (exitCode, signal) => {
      // A process that it started may still hold stderr; execa would wait for that one too.
      void sleep(STDERR_GRACE_MS, undefined, { ref: false }).then(() => {
        resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
      });
    });
  });
  return Promise.race([settled, exited]);
}
