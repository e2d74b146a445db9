/**
 * Runs the backend as a child process. The process ends when we tell it to, or when our end of its
 * standard input closes, however we ended. It removes its socket's directory, and we remove what it
 * leaves. It does not keep our process alive; calls that wait for it do.
 *
 * It is started with `node:child_process`: nothing is loaded before PyTorch begins to load, and
 * that takes longest of all.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord } from "../../foundation/checks.ts";
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
  readonly #child: ChildProcess;
  readonly #directory: SocketDirectory;
  readonly #log: LogTail;
  #ready = false;
  #stopping = false;

  /** @throws BackendError backend_start_failed, also where the system starts no process. */
  constructor(options: ProcessOptions) {
    const directory = makeSocketDirectory();
    const log = new LogTail(options.onLog);
    this.#directory = directory;
    this.#log = log;
    this.endpoint = directory.endpoint;
    try {
      this.#child = start(options, directory.endpoint);
    } catch (cause) {
      directory.remove();
      throw endedError(options.python, { cause }, [], false);
    }
    const { stderr } = this.#child;
    stderr?.setEncoding("utf8").on("data", (text: string) => {
      log.push(text);
    });
    this.#hold(false);
    this.gone = endOf(this.#child).then((end) => {
      stderr?.destroy();
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
    if (!this.#stopping) this.#kill();
    this.#stopping = true;
    await this.gone;
  }

  #kill(): void {
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), KILL_DELAY_MS);
    void this.gone.then(() => {
      clearTimeout(late);
    });
  }

  /** Says whether our process stays alive until this one is gone. */
  #hold(held: boolean): void {
    // A process that could not be started has no streams.
    const handles: readonly unknown[] = [this.#child, this.#child.stdin, this.#child.stderr];
    for (const handle of handles) {
      // Streams over pipes have both methods, which the type of a stream does not say.
      const method = isRecord(handle) ? handle[held ? "ref" : "unref"] : undefined;
      if (typeof method === "function") method.call(handle);
    }
  }
}

function start(options: ProcessOptions, endpoint: string): ChildProcess {
  const { python, checkpoint, device, dtype, rawWeights, judge = false } = options;
  const serve = ["serve", "--checkpoint", checkpoint, "--endpoint", endpoint];
  const network = ["--device", device, "--dtype", dtype];
  const flags = [...(rawWeights ? ["--raw-weights"] : []), ...(judge ? ["--judge"] : [])];
  return spawn(
    python,
    [...BACKEND_MODULE, ...serve, ...network, ...flags, "--managed", "--own-directory"],
    { env: backendEnvironment(), stdio: ["pipe", "ignore", "pipe"] },
  );
}

/** Resolves when the child and its stderr have ended, or when it could not be started. */
function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.on("error", (cause) => {
      if (child.pid === undefined) resolve({ cause });
    });
    const end = (exitCode: number | null, signal: string | null): void => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    };
    child.once("close", end);
    child.once("exit", (exitCode, signal) => {
      // A process that it started may still hold stderr, and then nothing closes.
      void sleep(STDERR_GRACE_MS, undefined, { ref: false }).then(() => {
        end(exitCode, signal);
      });
    });
  });
}
