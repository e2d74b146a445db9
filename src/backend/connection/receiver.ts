/**
 * Waits for the next message of a socket. This is the one place where the runtimes differ.
 *
 * In Node's main thread the addon waits. In a worker thread a wait of the addon's aborts the whole
 * process when the worker ends, and under Deno (2.9) such waits stall after some hundred messages,
 * so there the socket is polled. No wait is longer than `WAIT_MS`, so that the caller can look at
 * the connection in between: a look during a wait of the addon's would take the message's signal
 * away.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import type { Dealer } from "zeromq";
import { isRecord } from "../../foundation/checks.ts";

/** The part of a DEALER socket that a receiver uses. */
export type ReceivingSocket = Pick<Dealer, "closed" | "readable" | "receive" | "receiveTimeout">;

/**
 * Resolves with one multipart message, or with undefined when none came for `WAIT_MS` or the socket
 * was closed.
 */
export type Receive = () => Promise<Uint8Array[] | undefined>;

export const WAIT_MS = 25;

/**
 * Makes the receiver that this runtime needs.
 * @param socket is not yet connected; its `receiveTimeout` is set.
 */
export function receiverOf(socket: ReceivingSocket): Receive {
  if ("Deno" in globalThis) return pollingReceiver(socket, SPIN_TURNS);
  // A worker can be terminated at any moment, and must not be in a call of the addon then: it makes
  // few calls.
  return isMainThread ? awaitingReceiver(socket) : pollingReceiver(socket, 0);
}

function awaitingReceiver(socket: ReceivingSocket): Receive {
  socket.receiveTimeout = WAIT_MS;
  return async () => {
    try {
      return await socket.receive();
    } catch (cause) {
      if (socket.closed || isTryAgain(cause)) return undefined;
      throw cause;
    }
  };
}

/**
 * Whether ZeroMQ said that it cannot do it now: there is nothing to receive, or nobody to send to.
 */
export function isTryAgain(error: unknown): boolean {
  return isRecord(error) && error.code === "EAGAIN";
}

/**
 * A round trip to a waiting backend takes well under a millisecond: look again at once this many
 * times ...
 */
const SPIN_TURNS = 2000;
/** ... and then, during a long forward, leave the processor to others. */
const SLEEP_MS = 3;

/**
 * Keeps sockets from being collected, at which Deno panics ("Invoke in
 * DisallowJavascriptExecutionScope"); each is small.
 */
const neverCollected = new Set<ReceivingSocket>();

/** Makes the receiver for Deno and worker threads; exported for its test. */
export function pollingReceiver(socket: ReceivingSocket, spinTurns: number): Receive {
  socket.receiveTimeout = 0;
  neverCollected.add(socket);
  let quietTurns = 0;
  return async () => {
    const until = performance.now() + WAIT_MS;
    while (!socket.closed && performance.now() < until) {
      if (socket.readable) {
        quietTurns = 0;
        return socket.receive();
      }
      await (quietTurns++ < spinTurns ? nextTurn() : sleep(SLEEP_MS));
    }
    return undefined;
  };
}
