/**
 * Calls over one DEALER socket: one send queue, and a promise for every call that is settled by its answer,
 * its abort signal, its time limit, or the end of the connection, whichever is first. While none is pending
 * the connection does not keep the process alive.
 */
import { AbortedError, type RemdmError } from "../sampler/errors.ts";
import {
  decodeReply,
  encodeRequest,
  MAX_REPLY_FRAME_BYTES,
  type Frame,
  type ReplyMessage,
  type RequestHeader,
} from "./codec.ts";
import {
  brokenError,
  closedError,
  hungUpError,
  silentError,
  unusableError,
} from "./connectionErrors.ts";
import { Dealer } from "./dealer.ts";
import { ProtocolError, reportedError } from "./errors.ts";
import { Liveness, LIVENESS, type LivenessLimits } from "./liveness.ts";
import type { Reply } from "./protocol.ts";
import { rejectOn, type CallOptions } from "./rejectOn.ts";
import { MAX_SOCKET_PATH_BYTES } from "./socketDirectory.ts";
import type { Tensor } from "./tensors.ts";

export interface TransportOptions {
  readonly liveness?: LivenessLimits;
  /** The reason when the peer hangs up; default: just that. Pending calls are rejected when it is known. */
  readonly explainLoss?: () => Promise<RemdmError>;
}

/** What to ask, without the id. */
export type Question = WithoutId<RequestHeader>;
type WithoutId<R> = R extends RequestHeader ? Omit<R, "id"> : never;

export interface Answer<R extends Reply> extends ReplyMessage {
  readonly header: R;
}

interface PendingCall {
  settle(message: ReplyMessage): void;
  reject(error: unknown): void;
}

interface Outgoing {
  readonly id: number;
  readonly type: RequestHeader["type"];
  readonly frames: Frame[];
}

const SCHEME = "ipc://";

/** A backend drops answers once a thousand wait to be read; so fewer are ever on their way. */
const MAX_UNANSWERED = 500;

export class Transport {
  readonly #dealer: Dealer;
  readonly #liveness: Liveness;
  readonly #explainLoss: () => Promise<RemdmError>;
  readonly #pending = new Map<number, PendingCall>();
  readonly #outbox: Outgoing[] = [];
  /** Ids of what was sent and not answered yet, also when nobody waits for the answer any more. */
  readonly #unanswered = new Set<number>();
  #nextId = 0;
  #watching = false;
  #ended: RemdmError | undefined;

  /**
   * Returns at once: a peer that is not there yet is waited for, see `timeoutMs` of a call.
   * @param endpoint `ipc://PATH`.
   * @throws BackendError endpoint_invalid for a path that is too long for a socket.
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
    const path = endpoint.slice(SCHEME.length);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) throw unusableError(endpoint);
    this.#dealer = new Dealer(path, MAX_REPLY_FRAME_BYTES, {
      onWritable: () => {
        this.#flush();
      },
      onMessage: (frames) => {
        this.#liveness.heard();
        this.#dispatch(frames);
      },
      onEnd: (cause) => {
        if (cause === undefined) void this.#explain();
        else this.end(cause instanceof ProtocolError ? cause : brokenError(cause));
      },
    });
  }

  /**
   * Look for signs of life while calls are pending, from now on. Not to be called before the first answer:
   * a backend that is importing PyTorch answers nothing.
   */
  watch(): void {
    this.#watching = true;
    this.#hold();
  }

  /**
   * Ask and wait for the answer.
   * @param tensors belong to the transport until the promise settles; it is sent from their memory.
   * @param accept which kind of reply answers the question.
   * @throws AbortedError at once when the signal fires (the answer is dropped when it comes), BackendError otherwise.
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
        this.#hold();
      });
    } finally {
      release();
      this.#pending.delete(id);
      this.#withdraw(id); // its tensors are the caller's again
      this.#hold();
    }
  }

  /** Pending calls are rejected with backend_closed, the socket is closed. Any number of times. */
  close(): void {
    this.end(closedError());
  }

  /** The connection is over: `reason` is what every pending and every later call gets. The first reason stays. */
  end(reason: RemdmError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#dealer.close();
    this.#outbox.length = 0;
    for (const call of this.#pending.values()) call.reject(reason);
  }

  /** The process is kept alive, and the backend watched, exactly as long as a call is pending. */
  #hold(): void {
    const pending = this.#pending.size > 0;
    this.#dealer.hold(pending);
    if (!pending) this.#liveness.stop();
    else if (this.#watching) this.#liveness.start();
  }

  #post(header: RequestHeader, tensors: readonly Tensor[]): void {
    const { id, type } = header;
    this.#outbox.push({ id, type, frames: encodeRequest(header, tensors) });
    this.#flush();
  }

  /** As much of the outbox as the connection and the backend take; the rest can still be withdrawn. */
  #flush(): void {
    while (this.#dealer.writable) {
      const next = this.#next();
      if (next === undefined) return;
      this.#withdraw(next.id);
      this.#unanswered.add(next.id);
      this.#dealer.send(next.frames);
    }
  }

  /** Pings go out also when there are calls enough: they say whether the backend lives. */
  #next(): Outgoing | undefined {
    return this.#unanswered.size < MAX_UNANSWERED
      ? this.#outbox.at(0)
      : this.#outbox.find(({ type }) => type === "ping");
  }

  #withdraw(id: number): void {
    const index = this.#outbox.findIndex((message) => message.id === id);
    if (index >= 0) this.#outbox.splice(index, 1);
  }

  /** An answer that nobody waits for any more is dropped; one that cannot be read ends the connection. */
  #dispatch(frames: Uint8Array[]): void {
    try {
      const message = decodeReply(frames);
      const { header } = message;
      if (header.id !== null) this.#answered(header.id);
      const call = header.id === null ? undefined : this.#pending.get(header.id);
      if (header.type !== "error") call?.settle(message);
      else if (header.id !== null) call?.reject(reportedError(header, "backend_rejected"));
      // It could not read one of our messages, nobody knows which: some call would wait for ever.
      else this.end(reportedError(header, "backend_rejected"));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.requestId === undefined) {
        this.end(error);
      } else {
        this.#answered(error.requestId);
        this.#pending.get(error.requestId)?.reject(error);
      }
    }
  }

  #answered(id: number): void {
    this.#unanswered.delete(id);
    this.#flush();
  }

  /** A disconnect is final: another backend at that address would know nothing of our calls. */
  async #explain(): Promise<void> {
    this.end(await this.#explainLoss());
  }
}
