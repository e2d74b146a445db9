/**
 * A transport makes calls over one DEALER socket. It has one read loop, one send queue, and a
 * promise for every call, which is settled by the call's answer, its abort signal, its time limit,
 * or the end of the connection, whichever is first. While no call is pending the connection does
 * not keep the process alive.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Dealer } from "zeromq";
import { isRecord } from "../../foundation/checks.ts";
import { AbortedError, type RemdmError } from "../../foundation/errors.ts";
import {
  decodeReply,
  encodeRequest,
  MAX_REPLY_FRAME_BYTES,
  type Frame,
  type ReplyMessage,
  type RequestHeader,
} from "../wire/codec.ts";
import {
  brokenError,
  closedError,
  hungUpError,
  silentError,
  unusableError,
} from "./connectionErrors.ts";
import { ProtocolError, reportedError } from "../errors.ts";
import { Liveness, LIVENESS, type LivenessLimits } from "./liveness.ts";
import type { Reply } from "../wire/protocol.ts";
import { isTryAgain, receiverOf, WAIT_MS, type Receive } from "./receiver.ts";
import { rejectOn, type CallOptions } from "./rejectOn.ts";
import type { Tensor } from "../wire/tensors.ts";

export interface TransportOptions {
  readonly liveness?: LivenessLimits;
  /**
   * Finds the reason when the peer hangs up. Pending calls are rejected when it is known. Default:
   * the reason is that the backend hung up.
   */
  readonly explainLoss?: () => Promise<RemdmError>;
}

/** A request without its id, which the transport adds. */
export type Question = WithoutId<RequestHeader>;
type WithoutId<R> = R extends RequestHeader ? Omit<R, "id"> : never;

export interface Answer<R extends Reply> extends ReplyMessage {
  readonly header: R;
}

interface PendingCall {
  settle(message: ReplyMessage): void;
  reject(error: unknown): void;
}

/**
 * How long to wait before the next try to send, in milliseconds, while the peer is not there yet.
 */
const SEND_RETRY_MS = 5;
/**
 * How long to wait before connecting again to a peer that is not there yet, in milliseconds. The
 * time doubles ...
 */
const CONNECT_RETRY_MS = 50;
/** ... up to this while the peer's socket does not exist, ... */
const ABSENT_RETRY_MS = 400;
/** ... and up to this while it exists: over a slow link the handshake takes several round trips. */
const PRESENT_RETRY_MS = 12_800;
const SCHEME = "ipc://";

export class Transport {
  readonly #endpoint: string;
  readonly #socket: Dealer;
  readonly #receive: Receive;
  readonly #liveness: Liveness;
  readonly #explainLoss: () => Promise<RemdmError>;
  readonly #pending = new Map<number, PendingCall>();
  readonly #outbox: { readonly id: number; readonly frames: Frame[] }[] = [];
  #connected = false;
  #retryAt = performance.now() + CONNECT_RETRY_MS;
  #retryMs = CONNECT_RETRY_MS;
  #sending = false;
  #resting = true;
  #wake: () => void = () => undefined;
  #nextId = 0;
  #watching = false;
  #ended: RemdmError | undefined;

  /**
   * Returns at once. Calls wait for a peer that is not there yet, as long as their `timeoutMs`
   * allows.
   * @throws BackendError endpoint_invalid when ZeroMQ refuses the address.
   */
  constructor(endpoint: string, options: TransportOptions = {}) {
    this.#explainLoss = options.explainLoss ?? (() => Promise.resolve(hungUpError(endpoint)));
    this.#liveness = new Liveness(
      options.liveness ?? LIVENESS,
      () => {
        this.#post({ type: "ping", id: this.#nextId++ }, []);
      },
      (silentMs) => {
        this.end(silentError(silentMs));
      },
    );
    this.#endpoint = endpoint;
    this.#socket = new Dealer({
      linger: 0, // an unsent message must not keep the process alive
      maxMessageSize: MAX_REPLY_FRAME_BYTES, // a peer that sends a larger frame is disconnected
      immediate: true, // it is writable exactly while it is connected
      sendHighWaterMark: 0, // and however much is queued; what is queued is bounded by the calls
      receiveHighWaterMark: 0, // or the backend would drop answers that pile up
      sendTimeout: 0, // a peer that is not there yet is waited for in #send, alike in every runtime
      reconnectInterval: -1, // another backend at that address would know nothing of our calls
    });
    this.#receive = receiverOf(this.#socket);
    try {
      this.#socket.connect(endpoint);
    } catch (cause) {
      this.#socket.close();
      throw unusableError(endpoint, cause);
    }
    void this.#read();
  }

  /**
   * From now on, looks for signs of life while calls are pending. It must follow the first answer,
   * because a backend that is importing PyTorch answers nothing.
   */
  watch(): void {
    this.#watching = true;
    if (!this.#resting) this.#liveness.start();
  }

  /**
   * Asks a question and waits for the answer.
   * @param tensors belong to the transport until the promise settles, because ZeroMQ sends from
   * their memory.
   * @param accept says which kind of reply answers the question.
   * @throws AbortedError at once when the signal fires (the answer is dropped when it comes);
   * BackendError otherwise.
   */
  async call<R extends Reply>(
    question: Question,
    tensors: readonly Tensor[],
    accept: (reply: Reply) => reply is R,
    options: CallOptions = {},
  ): Promise<Answer<R>> {
    if (this.#ended !== undefined) throw this.#ended;
    if (options.signal?.aborted) throw new AbortedError(options.signal.reason);
    const id = this.#nextId++;
    let release = (): void => undefined;
    try {
      return await new Promise<Answer<R>>((resolve, reject) => {
        release = rejectOn(options, reject);
        this.#post({ ...question, id }, tensors);
        this.#pending.set(id, {
          reject,
          settle: ({ header, tensors }) => {
            if (accept(header)) resolve({ header, tensors });
            else reject(new ProtocolError(`${question.type} was answered with ${header.type}`, id));
          },
        });
        this.#wake();
      });
    } finally {
      release();
      this.#pending.delete(id);
      this.#withdraw(id); // its tensors are the caller's again
    }
  }

  /**
   * Closes the socket, and rejects pending calls with backend_closed. It may be called any number
   * of times.
   */
  close(): void {
    this.end(closedError());
  }

  /**
   * Ends the connection. Every pending and every later call rejects with `reason`; the first reason
   * stays.
   */
  end(reason: RemdmError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#liveness.stop();
    this.#socket.close();
    this.#wake();
    this.#outbox.length = 0;
    for (const call of this.#pending.values()) call.reject(reason);
  }

  #post(header: RequestHeader, tensors: readonly Tensor[]): void {
    this.#outbox.push({ id: header.id, frames: encodeRequest(header, tensors) });
    if (!this.#sending) void this.#send();
  }

  /**
   * Empties the outbox, one message at a time, because ZeroMQ refuses a second send while one
   * waits.
   */
  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#outbox.length > 0) {
      const { id, frames } = this.#outbox[0];
      try {
        await this.#socket.send(frames);
        this.#connected = true;
        this.#withdraw(id);
      } catch (cause) {
        if (this.#ended !== undefined) break;
        if (isTryAgain(cause)) await sleep(SEND_RETRY_MS);
        else this.end(brokenError("send to", cause));
      }
    }
    this.#sending = false;
  }

  #withdraw(id: number): void {
    const index = this.#outbox.findIndex((message) => message.id === id);
    if (index >= 0) this.#outbox.splice(index, 1);
  }

  /**
   * Reads while calls are pending, and rests in between, because a wait for a message keeps the
   * process alive.
   */
  async #read(): Promise<void> {
    try {
      while (this.#ended === undefined) {
        if (this.#pending.size === 0) {
          await this.#rest();
          continue;
        }
        const frames = await this.#receive();
        if (frames === undefined) {
          await this.#lookAtPeer();
          continue;
        }
        this.#liveness.heard();
        this.#dispatch(frames);
      }
    } catch (cause) {
      this.end(brokenError("read from", cause));
    }
  }

  /**
   * Rests until a call comes or the connection ends. A timer that keeps nothing alive looks at the
   * connection.
   */
  async #rest(): Promise<void> {
    this.#resting = true;
    this.#liveness.stop();
    const look = setInterval(() => {
      this.#lookAtPeer().catch((cause: unknown) => {
        this.end(brokenError("reach", cause));
      });
    }, WAIT_MS).unref();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    clearInterval(look);
    this.#resting = false;
    if (this.#watching && this.#ended === undefined) this.#liveness.start();
  }

  /**
   * Gives an answer to its call. An answer that nobody waits for any more is dropped; an answer
   * that cannot be read ends its call, or the connection where its id cannot be read either.
   */
  #dispatch(frames: Uint8Array[]): void {
    try {
      const message = decodeReply(frames);
      const { header } = message;
      const call = header.id === null ? undefined : this.#take(header.id);
      if (header.type !== "error") call?.settle(message);
      else if (header.id !== null) call?.reject(reportedError(header, "backend_rejected"));
      // The backend could not read one of our messages and cannot say which: some call would wait
      // for ever.
      else this.end(reportedError(header, "backend_rejected"));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.requestId === undefined) this.end(error);
      else this.#take(error.requestId)?.reject(error);
    }
  }

  /** Takes a call off the pending ones, so that the read loop knows at once whether to go on. */
  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    return call;
  }

  /**
   * Connects again to a peer that is not there yet, and ends the connection when the peer has gone.
   */
  async #lookAtPeer(): Promise<void> {
    if (this.#ended !== undefined) return;
    if (this.#socket.writable) {
      this.#connected = true;
    } else if (this.#connected) {
      this.end(await this.#explainLoss());
    } else if (performance.now() >= this.#retryAt) {
      this.#connectAgain();
    }
  }

  #connectAgain(): void {
    const isThere = existsSync(this.#endpoint.slice(SCHEME.length));
    const most = isThere ? PRESENT_RETRY_MS : ABSENT_RETRY_MS;
    this.#retryMs = Math.min(2 * this.#retryMs, most);
    this.#retryAt = performance.now() + this.#retryMs;
    try {
      this.#socket.disconnect(this.#endpoint);
    } catch (cause) {
      if (!isGone(cause)) throw cause;
    }
    this.#socket.connect(this.#endpoint);
  }
}

/**
 * Whether libzmq has given up an endpoint by itself, as it does when a connection breaks in its
 * handshake.
 */
function isGone(error: unknown): boolean {
  return isRecord(error) && error.code === "ENOENT";
}
