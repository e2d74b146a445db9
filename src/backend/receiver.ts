/**
 * How a socket is listened to: the one place where the runtimes differ.
 *
 * Node awaits the addon. Under Deno (2.9) an awaited `receive()` stalls after some hundred messages, and the
 * process crashes when a socket is closed whose events are awaited, or when a closed socket is garbage-collected.
 * So there the socket is polled, only while somebody waits for an answer, its events are left alone, and it is
 * kept for ever.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Dealer } from "zeromq";

/** The part of a DEALER socket that a receiver uses. */
export type ReceivingSocket = Pick<
  Dealer,
  "closed" | "events" | "readable" | "receive" | "receiveTimeout" | typeof Symbol.asyncIterator
>;

export interface Receiver {
  /** Multipart messages in order, until the socket is closed. To be iterated once. */
  readonly messages: AsyncIterable<Uint8Array[]>;
  /** true as soon as the peer hangs up; false when that cannot be known: the liveness watch finds it then. */
  readonly hungUp: Promise<boolean>;
  /** Call it when `expecting` has become true, and after the socket was closed. */
  wake(): void;
}

/**
 * @param socket not yet connected; its `receiveTimeout` is set as the runtime needs it.
 * @param expecting whether somebody waits for an answer. A polling receiver rests while nobody does.
 */
export function openReceiver(socket: ReceivingSocket, expecting: () => boolean): Receiver {
  return "Deno" in globalThis
    ? new PollingReceiver(socket, expecting)
    : { messages: socket, hungUp: disconnection(socket), wake: () => undefined };
}

async function disconnection({ events }: ReceivingSocket): Promise<boolean> {
  for await (const { type } of events) if (type === "disconnect") return true;
  return false;
}

/** A round trip to a waiting backend takes well under a millisecond: look again at once this many times ... */
const SPIN_TURNS = 2000;
/** ... and then, during a long forward, leave the processor to others. */
const SLEEP_MS = 3;

/** Deno panics ("Invoke in DisallowJavascriptExecutionScope") when one of these is collected; each is small. */
const neverCollected = new Set<ReceivingSocket>();

/** For Deno; exported for its test. */
export class PollingReceiver implements Receiver {
  readonly messages: AsyncIterable<Uint8Array[]>;
  readonly hungUp = Promise.resolve(false);
  readonly #socket: ReceivingSocket;
  readonly #expecting: () => boolean;
  #wake: () => void = () => undefined;

  constructor(socket: ReceivingSocket, expecting: () => boolean) {
    socket.receiveTimeout = 0;
    neverCollected.add(socket);
    this.#socket = socket;
    this.#expecting = expecting;
    this.messages = this.#poll();
  }

  wake(): void {
    this.#wake();
  }

  async *#poll(): AsyncGenerator<Uint8Array[], void> {
    let turns = 0;
    while (!this.#socket.closed) {
      if (this.#socket.readable) {
        turns = 0;
        yield await this.#socket.receive();
      } else if (!this.#expecting()) {
        turns = 0;
        // A promise alone, no timer: an idle connection does not keep the process alive.
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        await (++turns < SPIN_TURNS ? nextTurn() : sleep(SLEEP_MS));
      }
    }
  }
}
