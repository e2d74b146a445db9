/** A ROUTER in the test's own process that says what the test wants, right or wrong. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Packr } from "msgpackr";
import { Router, type MessageLike } from "zeromq";
import { PROTOCOL_VERSION } from "../../../src/backend/wire/protocol.ts";

const packr = new Packr({ useRecords: false, int64AsType: "number" });

export interface Received {
  readonly client: Buffer;
  readonly header: { readonly type: string; readonly id: number } & Record<string, unknown>;
  readonly frames: readonly Buffer[];
}

export function pack(header: unknown): Buffer {
  return packr.pack(header);
}

export const MODEL = {
  kind: "mdlm",
  name: "fake.ckpt",
  format: "lightning",
  weights: "ema",
  vocabSize: 3,
  maskId: 2,
  length: 4,
  timeConditioning: false,
  subsMasking: false,
  architecture: "dit",
  hiddenSize: 1,
  blocks: 1,
  heads: 1,
  parameters: 1,
} as const;

export const RUNTIME = {
  device: "cpu",
  dtype: "float32",
  attention: "sdpa",
  torch: "0",
  python: "3",
  pid: 1,
} as const;

export function ready(id: number): Record<string, unknown> {
  return {
    type: "ready",
    id,
    protocol: PROTOCOL_VERSION,
    version: "0",
    model: MODEL,
    runtime: RUNTIME,
  };
}

export function pong(id: number): Record<string, unknown> {
  return { type: "pong", id, busy: false, queued: 0 };
}

export class FakeBackend {
  readonly endpoint: string;
  readonly received: Received[] = [];
  readonly #directory: string;
  readonly #router = new Router({ linger: 0, sendHighWaterMark: 0 });
  #outgoing: Promise<void> = Promise.resolve();
  readonly #answer: (message: Received, backend: FakeBackend) => void;

  private constructor(answer: (message: Received, backend: FakeBackend) => void, path: string) {
    this.#directory = dirname(path);
    mkdirSync(this.#directory, { recursive: true });
    this.endpoint = `ipc://${path}`;
    this.#answer = answer;
  }

  /**
   * @param answer called for each request, in order; it may call `send` then or later, or never.
   * @param endpoint of a backend that was stopped, to take its place.
   */
  static async start(
    answer: (message: Received, backend: FakeBackend) => void = () => undefined,
    endpoint?: string,
  ): Promise<FakeBackend> {
    const path =
      endpoint?.slice("ipc://".length) ?? join(mkdtempSync(join(tmpdir(), "remdm-fake-")), "s");
    const backend = new FakeBackend(answer, path);
    await backend.#router.bind(backend.endpoint);
    void backend.#read();
    return backend;
  }

  /** Sends a header, or bytes in its place, and tensor frames. */
  send({ client }: Received, header: object, ...frames: MessageLike[]): void {
    const first = header instanceof Uint8Array ? header : pack(header);
    this.#outgoing = this.#outgoing.then(async () => {
      if (!this.#router.closed) await this.#router.send([client, first, ...frames]);
    });
  }

  stop(): void {
    this.#router.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Resolves when `count` requests of a type have come. */
  async requests(type: string, count = 1): Promise<Received[]> {
    for (;;) {
      const found = this.received.filter(({ header }) => header.type === type);
      if (found.length >= count) return found;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async #read(): Promise<void> {
    for await (const [client, header, ...frames] of this.#router) {
      const message = { client, header: packr.unpack(header) as Received["header"], frames };
      this.received.push(message);
      this.#answer(message, this);
    }
  }
}
