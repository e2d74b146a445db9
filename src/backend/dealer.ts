/**
 * A DEALER socket of ZeroMQ with one peer, over a Unix domain socket of the runtime's own.
 *
 * The npm package zeromq is not used, because native code cannot be taken down: a worker thread that ends
 * within one of its calls aborts the whole process, a message that is not yet written is read from freed
 * memory, a pending receive holds the process, Bun panics and Deno crashes (docs/surprises.md).
 */
import { connect, type Socket } from "node:net";
import { encodeMessage, GREETING, READY, ZmtpReader } from "./zmtp.ts";

export interface DealerEvents {
  /** It has become possible to send. */
  readonly onWritable: () => void;
  readonly onMessage: (frames: Uint8Array[]) => void;
  /** The peer hung up; or, with a `cause`, it cannot be read or not be connected to. Nothing follows. */
  readonly onEnd: (cause?: unknown) => void;
}

/** How long a peer that is not there yet is left alone before the next try. */
const RETRY_MS = 50;
/** What the kernel holds of a large answer is read at once. */
const READ_BYTES = 1 << 18;

export class Dealer {
  readonly #path: string;
  readonly #maxFrameBytes: number;
  readonly #events: DealerEvents;
  #socket: Socket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #connected = false;
  #held = false;
  #closed = false;

  /** @param path of the peer's socket. The peer is waited for; once it hung up, it is not connected to again. */
  constructor(path: string, maxFrameBytes: number, events: DealerEvents) {
    this.#path = path;
    this.#maxFrameBytes = maxFrameBytes;
    this.#events = events;
    this.#connect();
  }

  /** Whether {@link send} would not only add to a queue. */
  get writable(): boolean {
    return this.#connected && !this.#closed && this.#socket?.writableNeedDrain === false;
  }

  /**
   * While it is {@link writable}.
   * @param frames are sent from their own memory: they must stay as they are until the peer answers.
   */
  send(frames: readonly ArrayBufferView[]): void {
    this.#socket?.cork();
    for (const part of encodeMessage(frames)) this.#socket?.write(part);
    this.#socket?.uncork();
  }

  /** Whether the connection keeps the process alive; at first it does not. */
  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#socket?.ref();
    else this.#socket?.unref();
    if (held) this.#retry?.ref();
    else this.#retry?.unref();
  }

  /** Any number of times; what was not sent is dropped, and no event follows. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    try {
      this.#socket = this.#open();
      this.hold(this.#held);
    } catch (cause) {
      // Deno without permission. Whoever made this has no events yet.
      queueMicrotask(() => {
        this.#fail(cause);
      });
    }
  }

  #open(): Socket {
    const reader = new ZmtpReader(this.#maxFrameBytes);
    const callback = (bytes: number, buffer: Uint8Array): boolean => {
      this.#read(reader, buffer.subarray(0, bytes));
      return true;
    };
    const onread = { buffer: new Uint8Array(READ_BYTES), callback };
    const socket = connect({ path: this.#path, onread });
    return socket
      .on("connect", () => {
        socket.write(GREETING);
        socket.write(READY);
      })
      .on("drain", () => {
        this.#events.onWritable();
      })
      .on("error", () => undefined) // "close" follows
      .on("close", () => {
        this.#onClose();
      });
  }

  #read(reader: ZmtpReader, chunk: Uint8Array): void {
    try {
      for (const received of reader.read(chunk)) {
        if (this.#closed) return;
        if (received.type === "message") this.#events.onMessage(received.frames);
        else if (received.name === "READY") this.#onReady();
      }
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause?: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#events.onEnd(cause);
  }

  #onReady(): void {
    this.#connected = true;
    this.#events.onWritable();
  }

  #onClose(): void {
    if (this.#closed) return;
    if (this.#connected) {
      this.#fail();
      return;
    }
    this.#retry = setTimeout(() => {
      this.#connect();
    }, RETRY_MS);
    this.hold(this.#held);
  }
}
