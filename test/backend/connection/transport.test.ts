import { afterEach, describe, expect, it } from "@jest/globals";
import { createConnection, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BackendError, CheckpointError, ProtocolError } from "../../../src/backend/errors.ts";
import type { PongReply, Reply, RowsReply } from "../../../src/backend/wire/protocol.ts";
import type { CallOptions } from "../../../src/backend/connection/rejectOn.ts";
import { Transport, type TransportOptions } from "../../../src/backend/connection/transport.ts";
import { AbortedError } from "../../../src/foundation/errors.ts";
import { FakeBackend, pong, type Received } from "../support/fakeBackend.ts";
import { countedSignal } from "../../support/countedSignal.ts";

const opened: { stop(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
});

async function connect(
  answer?: (message: Received, backend: FakeBackend) => void,
  options?: TransportOptions,
) {
  const backend = await FakeBackend.start(answer);
  const transport = new Transport(backend.endpoint, options);
  opened.push({ stop: () => transport.close() }, backend);
  return { backend, transport };
}

const isPong = (reply: Reply): reply is PongReply => reply.type === "pong";
const isRows = (reply: Reply): reply is RowsReply => reply.type === "rows";

function ping(transport: Transport, options?: CallOptions) {
  return transport.call({ type: "ping" }, [], isPong, options);
}

/** Asks for one row whose only token is `token`. */
function forward(transport: Transport, token = 0, options?: CallOptions) {
  return transport.call(
    { type: "forward", output: "logits" },
    [{ dtype: "int32", shape: [1, 1], data: Int32Array.of(token) }],
    isRows,
    options,
  );
}

/** Answers with the token that was asked about. */
function echo(message: Received, backend: FakeBackend): void {
  const [tokens] = message.frames;
  const tensors = [{ dtype: "float32", shape: [1, 1] }];
  const values = Float32Array.of(tokens.readInt32LE());
  backend.send(message, { type: "rows", id: message.header.id, tensors }, values);
}

function answerPings(message: Received, backend: FakeBackend): void {
  if (message.header.type === "ping") backend.send(message, pong(message.header.id));
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was expected to reject");
    },
    (error: unknown) => error,
  );
}

describe("a call", () => {
  it("is answered by the reply with its id, in whatever order replies come", async () => {
    const waiting: Received[] = [];
    const { transport } = await connect((message, backend) => {
      waiting.push(message);
      if (waiting.length === 3) for (const late of waiting.reverse()) echo(late, backend);
    });
    const answers = await Promise.all([5, 6, 7].map((token) => forward(transport, token)));
    expect(answers.map(({ tensors }) => tensors[0].data[0])).toEqual([5, 6, 7]);
  });

  it("is one of thousands at a time, more than ZeroMQ queues", async () => {
    const { transport } = await connect(echo);
    const tokens = Array.from({ length: 5000 }, (_, i) => i);
    const answers = await Promise.all(tokens.map((token) => forward(transport, token)));
    expect(answers.map(({ tensors }) => tensors[0].data[0])).toEqual(tokens);
  });

  it("reaches a backend that begins to listen only later", async () => {
    const listening = await FakeBackend.start();
    const { endpoint } = listening;
    listening.stop();
    const transport = new Transport(endpoint);
    opened.push({ stop: () => transport.close() });
    expect(await rejection(ping(transport, { timeoutMs: 150 }))).toMatchObject({
      code: "backend_timeout",
      message: "The backend did not answer within 0.15 s",
    });
    const answer = ping(transport);
    opened.push(await FakeBackend.start(answerPings, endpoint));
    expect((await answer).header.type).toBe("pong");
  });

  it("reaches a backend whose first connections broke, and one over a slow link", async () => {
    const backend = await FakeBackend.start(answerPings);
    const path = `${backend.endpoint.slice("ipc://".length)}-link`;
    let broken = 0;
    const link = createServer((near) => {
      if (broken++ < 2) {
        near.destroy();
        return;
      }
      const far = createConnection(backend.endpoint.slice("ipc://".length));
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on("data", (bytes) => setTimeout(() => to.write(bytes), 150));
        from.on("error", () => undefined).on("close", () => to.destroy());
      }
    }).listen(path);
    const transport = new Transport(`ipc://${path}`);
    opened.push({ stop: () => transport.close() }, backend, { stop: () => link.close() });
    expect((await ping(transport)).header.type).toBe("pong");
    expect(broken).toBeGreaterThan(2);
  });

  it("carries a large tensor each way", async () => {
    const { transport } = await connect((message, backend) => {
      const [tokens] = message.frames;
      const tensors = [{ dtype: "float32", shape: [tokens.byteLength / 4] }];
      backend.send(message, { type: "rows", id: message.header.id, tensors }, tokens);
    });
    const data = Int32Array.from({ length: 4_000_000 }, (_, i) => i);
    const question = { type: "forward", output: "logits" } as const;
    const tensor = { dtype: "int32", shape: [data.length], data } as const;
    const { tensors } = await transport.call(question, [tensor], isRows);
    expect(Buffer.from(tensors[0].data.buffer).equals(Buffer.from(data.buffer))).toBe(true);
  });

  it("rejects at once when its signal fires, and its late answer harms nobody", async () => {
    const { transport, backend } = await connect((message) => {
      if (message.header.type === "ping") backend.send(message, pong(message.header.id));
    });
    const controller = new AbortController();
    const aborted = rejection(forward(transport, 1, { signal: controller.signal }));
    const [late] = await backend.requests("forward");
    controller.abort("enough");
    expect(await aborted).toMatchObject({ code: "aborted", cause: "enough" });
    echo(late, backend);
    expect((await ping(transport)).header.busy).toBe(false);
  });

  it("is not sent when its signal has fired before", async () => {
    const { transport, backend } = await connect(answerPings);
    const signal = AbortSignal.abort("no");
    expect(await rejection(forward(transport, 1, { signal }))).toBeInstanceOf(AbortedError);
    await ping(transport);
    expect(backend.received.map(({ header }) => header.type)).toEqual(["ping"]);
  });

  it("leaves no listener on its signal, however it ends", async () => {
    const { transport, backend } = await connect((message) => {
      if (message.header.type === "forward") echo(message, backend);
    });
    const { signal, listeners } = countedSignal();
    await forward(transport, 1, { signal });
    const lost = rejection(ping(transport, { signal }));
    await backend.requests("ping");
    transport.close();
    await lost;
    expect(listeners()).toBe(0);
  });

  it("rejects with what the backend says is wrong, typed", async () => {
    const codes = ["checkpoint_invalid", "out_of_memory", "request_invalid", "internal"];
    const { transport } = await connect((message, backend) => {
      const code = codes[message.header.id];
      backend.send(message, {
        type: "error",
        id: message.header.id,
        code,
        message: "m",
        remedy: "r",
      });
    });
    const errors = await Promise.all(codes.map(() => rejection(ping(transport))));
    expect(errors).toMatchObject([
      { code: "checkpoint_invalid", message: "m", remedy: "r" },
      { code: "out_of_memory" },
      { code: "backend_rejected" },
      { code: "backend_rejected" },
    ]);
    expect(errors[0]).toBeInstanceOf(CheckpointError);
    expect(errors[1]).toBeInstanceOf(BackendError);
  });

  it("rejects alone when its answer is malformed or of the wrong kind", async () => {
    const { transport } = await connect((message, backend) => {
      const { id } = message.header;
      if (id === 0) backend.send(message, { type: "pong", id });
      else if (id === 1) backend.send(message, { type: "rows", id, tensors: [] });
      else backend.send(message, pong(id));
    });
    const [malformed, wrongKind, good] = await Promise.all([
      rejection(ping(transport)),
      rejection(ping(transport)),
      ping(transport),
    ]);
    expect(malformed).toBeInstanceOf(ProtocolError);
    expect(wrongKind).toMatchObject({
      code: "protocol_mismatch",
      message: "ping was answered with rows",
    });
    expect(good.header.queued).toBe(0);
  });

  it("does not go out when it cannot be encoded", async () => {
    const { transport } = await connect(answerPings);
    const data = new Int32Array(2 ** 24 + 1);
    const tensor = { dtype: "int32", shape: [data.length], data } as const;
    const question = { type: "forward", output: "logits" } as const;
    expect(await rejection(transport.call(question, [tensor], isRows))).toMatchObject({
      code: "backend_rejected",
    });
    await ping(transport);
  });
});

describe("the end of a connection", () => {
  it("is known although nothing was pending, and though another backend listens there by now", async () => {
    const { transport, backend } = await connect(answerPings);
    await ping(transport);
    backend.stop();
    opened.push(await FakeBackend.start(answerPings, backend.endpoint));
    expect(await rejection(ping(transport))).toMatchObject({ code: "backend_exited" });
  });

  it("rejects everything that is pending when the peer hangs up, and everything after", async () => {
    const { transport, backend } = await connect();
    const pending = [forward(transport), forward(transport)].map(rejection);
    await backend.requests("forward", 2);
    backend.stop();
    for (const error of await Promise.all(pending)) {
      expect(error).toMatchObject({ code: "backend_exited" });
    }
    expect(await rejection(ping(transport))).toMatchObject({ code: "backend_exited" });
  });

  it("gives the reason that its owner knows", async () => {
    const why = new BackendError("backend_exited", "killed by SIGKILL", "");
    const { transport, backend } = await connect(undefined, {
      explainLoss: () => Promise.resolve(why),
    });
    const pending = rejection(forward(transport));
    await backend.requests("forward");
    backend.stop();
    expect(await pending).toBe(why);
  });

  it("is backend_closed after close, any number of times", async () => {
    const { transport, backend } = await connect();
    const pending = rejection(forward(transport));
    await backend.requests("forward");
    transport.close();
    transport.close();
    expect(await pending).toMatchObject({ code: "backend_closed" });
    expect(await rejection(ping(transport))).toMatchObject({ code: "backend_closed" });
  });

  it("follows from an error that belongs to no request", async () => {
    const { transport, backend } = await connect((message) => {
      const error = {
        type: "error",
        id: null,
        code: "request_invalid",
        message: "what?",
        remedy: "",
      };
      backend.send(message, error);
    });
    const errors = await Promise.all([ping(transport), ping(transport)].map(rejection));
    for (const error of errors) {
      expect(error).toMatchObject({ code: "backend_rejected", message: "what?" });
    }
  });

  it("follows from a reply that nobody can read", async () => {
    const { transport, backend } = await connect((message) => {
      backend.send(message, Uint8Array.of(0xc1));
    });
    expect(await rejection(ping(transport))).toMatchObject({ code: "protocol_mismatch" });
    expect(await rejection(ping(transport))).toMatchObject({ code: "protocol_mismatch" });
  });
});

describe("the watch", () => {
  const liveness = { intervalMs: 20, limitMs: 100 };

  it("finds a backend that is there and answers nothing", async () => {
    const { transport, backend } = await connect(undefined, { liveness });
    transport.watch();
    const pending = [forward(transport), forward(transport)].map(rejection);
    for (const error of await Promise.all(pending)) {
      expect(error).toMatchObject({ code: "backend_timeout" });
    }
    expect(backend.received.filter(({ header }) => header.type === "ping").length).toBeGreaterThan(
      1,
    );
  });

  it("lets a forward take as long as it needs while pings are answered", async () => {
    const { transport, backend } = await connect(answerPings, { liveness });
    transport.watch();
    const answer = forward(transport, 3);
    await backend.requests("ping", 20);
    const [request] = await backend.requests("forward");
    echo(request, backend);
    expect((await answer).tensors[0].data[0]).toBe(3);
  });

  it("asks nothing while nothing is pending", async () => {
    const { transport, backend } = await connect(echo, { liveness });
    transport.watch();
    await forward(transport);
    await sleep(10 * liveness.intervalMs);
    expect(backend.received).toHaveLength(1);
  });

  it("does not begin before it is told to: a backend that is starting answers nothing", async () => {
    const { transport, backend } = await connect(undefined, { liveness });
    const pending = rejection(forward(transport));
    await backend.requests("forward");
    await sleep(3 * liveness.limitMs);
    expect(backend.received).toHaveLength(1);
    transport.close();
    expect(await pending).toMatchObject({ code: "backend_closed" });
  });
});
