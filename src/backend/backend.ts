/** Launches a backend process, or connects to one that runs already, and waits until it answers. */
import { existsSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AbortedError, type RemdmError } from "../foundation/errors.ts";
import { quoted } from "../foundation/messages.ts";
import { BackendError, ProtocolError } from "./errors.ts";
import { slowStartError } from "./process/lastWords.ts";
import { BackendProcess, type ProcessOptions } from "./process/process.ts";
import { PROTOCOL_VERSION, type PongReply, type ReadyReply, type Reply } from "./wire/protocol.ts";
import type { CallOptions } from "./connection/rejectOn.ts";
import type { Transport, TransportOptions } from "./connection/transport.ts";

export interface Backend {
  readonly transport: Transport;
  readonly ready: ReadyReply;
  /**
   * Ends the backend or the connection. Pending calls reject with backend_closed. Resolves when
   * nothing is left; it may be called any number of times.
   */
  readonly close: () => Promise<void>;
}

export interface LaunchLimits {
  /** How long loading PyTorch and the checkpoint may take, in milliseconds. */
  readonly startTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ConnectLimits {
  /**
   * How long a backend may take to show that it is there, in milliseconds; loading its checkpoint
   * may then take longer.
   */
  readonly reachTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The end of the process explains a lost connection best. It is known this many milliseconds later
 * at most.
 */
const EXPLAIN_MS = 500;

/**
 * Starts a backend and waits until its checkpoint is loaded. A failed start leaves no process
 * behind.
 * @throws BackendError or CheckpointError that says why, AbortedError.
 */
export async function launchBackend(
  options: ProcessOptions,
  { startTimeoutMs, signal }: LaunchLimits,
): Promise<Backend> {
  if (signal?.aborted) throw abortedStart(signal.reason);
  refuseBun();
  // The process first: while Python loads PyTorch, our side loads ZeroMQ and the rest.
  const process = new BackendProcess(options);
  const transport = await stoppedBy(signal, process, () => transportTo(process));
  const close = async (): Promise<void> => {
    transport.close();
    await process.stop();
  };
  try {
    if (signal?.aborted) throw abortedStart(signal.reason);
    const ready = await hello(transport, { signal, timeoutMs: startTimeoutMs });
    process.markReady();
    transport.watch();
    return { transport, ready, close };
  } catch (error) {
    await close();
    throw isTimeout(error) ? slowStartError(startTimeoutMs, process.lastLines, error) : error;
  }
}

/**
 * Connects to a backend that runs already.
 * @param endpoint `ipc://PATH`.
 * @throws BackendError endpoint_invalid, or backend_timeout when nobody is there; an error that the
 * backend reports; AbortedError.
 */
export async function connectBackend(
  endpoint: string,
  { reachTimeoutMs, signal }: ConnectLimits,
): Promise<Backend> {
  const path = checkEndpoint(endpoint);
  if (signal?.aborted) throw abortedStart(signal.reason);
  refuseBun();
  const transport = await openTransport(endpoint);
  try {
    await reach(transport, path, { signal, timeoutMs: reachTimeoutMs });
    checkOwner(path);
    transport.watch();
    const ready = await hello(transport, { signal });
    return {
      transport,
      ready,
      close: () => {
        transport.close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    transport.close();
    throw error;
  }
}

/**
 * Ends the process as soon as the signal fires, while `work` loads modules: Python in the middle of
 * an import of PyTorch is slower to end.
 */
async function stoppedBy<T>(
  signal: AbortSignal | undefined,
  process: BackendProcess,
  work: () => Promise<T>,
): Promise<T> {
  const stop = (): void => {
    void process.stop();
  };
  signal?.addEventListener("abort", stop);
  try {
    return await work();
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Opens a connection to our process that ends with it. @throws what loading ZeroMQ throws. */
async function transportTo(process: BackendProcess): Promise<Transport> {
  try {
    const explainLoss = (): Promise<RemdmError> => reasonOfLoss(process);
    const transport = await openTransport(process.endpoint, { explainLoss });
    void process.gone.then((reason) => {
      transport.end(reason);
    });
    return transport;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** Loads ZeroMQ, a native addon, when it is first needed. */
async function openTransport(endpoint: string, options?: TransportOptions): Promise<Transport> {
  const { Transport } = await import("./connection/transport.ts");
  return new Transport(endpoint, options);
}

/** @throws BackendError platform_unsupported under Bun, which ZeroMQ's addon would take down. */
function refuseBun(): void {
  if (!("Bun" in globalThis)) return;
  throw new BackendError(
    "platform_unsupported",
    "The native addon of the package zeromq does not work in Bun",
    "Run the program with Node 20.5 or newer, or with Deno 2.9 or newer; `remdm/sampler` works in Bun as well.",
  );
}

/** Asks the backend for a sign of life, and whether it is at work. */
export async function ping(transport: Transport, options?: CallOptions): Promise<PongReply> {
  const { header } = await transport.call({ type: "ping" }, [], isPong, options);
  return header;
}

async function hello(transport: Transport, options: CallOptions): Promise<ReadyReply> {
  const question = { type: "hello", protocol: PROTOCOL_VERSION } as const;
  const { header } = await transport.call(question, [], isReady, options);
  if (header.protocol === PROTOCOL_VERSION) return header;
  throw new ProtocolError(
    `The backend (${header.version}) speaks protocol ${header.protocol}, this SDK ${PROTOCOL_VERSION}`,
  );
}

async function reach(transport: Transport, path: string, options: CallOptions): Promise<void> {
  try {
    await ping(transport, options);
  } catch (error) {
    if (!isTimeout(error)) throw error;
    const found = existsSync(path) ? "nobody answers there" : "there is no such file";
    throw new BackendError(
      "backend_timeout",
      `No backend can be reached at ${path}: ${found}`,
      "Start one with `npx remdm serve`, and use the endpoint that it prints.",
      error,
    );
  }
}

function abortedStart(reason: unknown): AbortedError {
  return new AbortedError(
    reason,
    "The start was aborted before the backend was reached",
    "Launch or connect again.",
  );
}

async function reasonOfLoss(process: BackendProcess): Promise<RemdmError> {
  const unexplained = new BackendError(
    "backend_exited",
    "The backend hung up, though its process is still there",
    "Close it and launch again; if that happens again, look at its log.",
  );
  // This timer keeps our process alive: calls are pending, and the connection that did so is gone.
  const known = new AbortController();
  const late = sleep(EXPLAIN_MS, unexplained, { signal: known.signal });
  return Promise.race([process.gone, late]).finally(() => {
    known.abort();
  });
}

/**
 * Refuses a socket of another user, who would say what the model answers. Root may own it: nothing
 * is safe from root.
 * @throws BackendError endpoint_invalid.
 */
export function checkOwner(path: string, self = process.getuid?.()): void {
  const owner = statSync(path, { throwIfNoEntry: false })?.uid;
  if (self === undefined || owner === undefined || owner === self || owner === 0) return;
  throw new BackendError(
    "endpoint_invalid",
    `The socket ${path} belongs to another user (uid ${owner})`,
    "Start a server of your own with `npx remdm serve`, and use the endpoint that it prints.",
  );
}

/** Returns the path in an `ipc://` address. @throws BackendError endpoint_invalid. */
function checkEndpoint(endpoint: string): string {
  const path = endpoint.startsWith("ipc://") ? endpoint.slice("ipc://".length) : "";
  // A name after @ is no file, so file permissions do not protect it.
  if (path !== "" && !path.startsWith("@") && !path.startsWith("*")) return path;
  throw new BackendError(
    "endpoint_invalid",
    `${quoted(endpoint)} is not an ipc:// address of a file`,
    endpoint.startsWith("tcp://")
      ? "Network sockets are not supported by this version; to reach another machine, forward a socket with `ssh -L`."
      : "Use the endpoint that `npx remdm serve` prints: ipc:///path/to/socket.",
  );
}

function isTimeout(error: unknown): boolean {
  return error instanceof BackendError && error.code === "backend_timeout";
}

function isReady(reply: Reply): reply is ReadyReply {
  return reply.type === "ready";
}

function isPong(reply: Reply): reply is PongReply {
  return reply.type === "pong";
}
