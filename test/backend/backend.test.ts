// @part backend
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { connectBackend, launchBackend, ping, type Backend } from "../../src/backend/backend.ts";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import { PROTOCOL_VERSION } from "../../src/backend/wire/protocol.ts";
import type { StatisticName } from "../../src/sampler/denoiser.ts";
import { FakeBackend, pong, ready, type Received } from "./support/fakeBackend.ts";
import { fakePython, isRunning, removeFakePythons, servingPython } from "./support/fakePython.ts";

const opened: (() => unknown)[] = [];
const TMPDIR = process.env.TMPDIR;
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-bt-"));
});
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
  removeFakePythons();
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  rmSync(scratch, { recursive: true, force: true });
});

/** From here on, sockets' directories are made in `scratch`. */
function launch(python: string, limits: Partial<Parameters<typeof launchBackend>[1]> = {}) {
  process.env.TMPDIR = scratch;
  const options = { python, checkpoint: "c", device: "cpu", dtype: "float32", rawWeights: false };
  const log: string[] = [];
  const backend = launchBackend(
    { ...options, onLog: (line) => log.push(line) },
    { startTimeoutMs: 30_000, ...limits },
  );
  return { backend, log };
}

function connect(endpoint: string, limits = { reachTimeoutMs: 20_000 }) {
  return connectBackend(endpoint, limits);
}

function keep(backend: Backend): Backend {
  opened.push(() => backend.close());
  return backend;
}

async function serve(answer: (message: Received, backend: FakeBackend) => void) {
  const backend = await FakeBackend.start(answer);
  opened.push(() => backend.stop());
  return backend;
}

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was expected to reject");
    },
    (error: unknown) => error,
  );
}

const REQUEST = {
  batch: 1,
  length: 2,
  tokens: Int32Array.of(2, 2),
  sigma: Float32Array.of(0),
  rows: Int32Array.of(0, 1),
};

describe("launchBackend", () => {
  it("is ready when the handshake is answered, and leaves nothing when closed", async () => {
    const { backend, log } = launch(servingPython({ beforeStart: "console.error(process.pid);" }));
    const { ready: card, transport, close } = keep(await backend);
    expect(card.model.name).toBe("fake.ckpt");
    expect(readdirSync(scratch)).toEqual([]); // the socket has done its work
    expect(await ping(transport)).toMatchObject({ busy: false, queued: 0 });
    await Promise.all([close(), close()]);
    await close();
    expect(isRunning(Number(log[0]))).toBe(false);
  });

  it("fails at once when the backend dies at import, with its last words", async () => {
    const { backend } = launch(
      fakePython(`console.error("ImportError: libtorch.so"); process.exit(1);`),
    );
    expect(await rejection(backend)).toMatchObject({
      code: "backend_start_failed",
      message: expect.stringContaining("ImportError: libtorch.so"),
    });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("fails with the error that answers the handshake, and ends the backend", async () => {
    const report = { code: "device_unavailable", message: "No GPU.", remedy: "Use cpu." };
    const { backend } = launch(
      servingPython({ onHello: JSON.stringify({ type: "error", ...report }) }),
    );
    expect(await rejection(backend)).toMatchObject(report);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("gives up one that does not get ready in time, and shows what it said", async () => {
    const hanging = `console.error("loading"); await new Promise((r) => setTimeout(r, 60_000));`;
    const { backend } = launch(servingPython({ beforeStart: hanging }), { startTimeoutMs: 1500 });
    expect(await rejection(backend)).toMatchObject({
      code: "backend_timeout",
      message: "The backend did not start within 1.5 s. Its last words:\nloading",
    });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("is aborted by its signal, and leaves nothing", async () => {
    const controller = new AbortController();
    const hanging = `console.error(process.pid); await new Promise((r) => setTimeout(r, 60_000));`;
    const { backend, log } = launch(servingPython({ beforeStart: hanging }), {
      signal: controller.signal,
    });
    const failed = rejection(backend);
    while (log.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort("changed my mind");
    expect(await failed).toMatchObject({ code: "aborted", cause: "changed my mind" });
    expect(isRunning(Number(log[0]))).toBe(false);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("starts nothing when its signal has fired before", async () => {
    const { backend, log } = launch(servingPython(), { signal: AbortSignal.abort() });
    expect(await rejection(backend)).toMatchObject({ code: "aborted" });
    expect(log).toEqual([]);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("rejects what is pending at once when the backend dies, and says how", async () => {
    const { backend } = launch(
      servingPython({
        onForward: `console.error("out of luck"); process.kill(process.pid, "SIGKILL");`,
      }),
    );
    const { transport, ready: card } = keep(await backend);
    const denoiser = new ZmqDenoiser(transport, card.model);
    const pending = [denoiser.forward(REQUEST), denoiser.forward(REQUEST)].map(rejection);
    for (const error of await Promise.all(pending)) {
      expect(error).toMatchObject({
        code: "backend_exited",
        message: expect.stringMatching(/killed by SIGKILL.*out of luck/s),
      });
    }
    expect(await rejection(denoiser.forward(REQUEST))).toMatchObject({ code: "backend_exited" });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("closes while a call is pending: that one rejects with backend_closed", async () => {
    const { backend } = launch(servingPython());
    const { transport, ready: card, close } = keep(await backend);
    const pending = rejection(new ZmqDenoiser(transport, card.model).forward(REQUEST));
    await close();
    expect(await pending).toMatchObject({ code: "backend_closed" });
  });
});

describe("connectBackend", () => {
  const answer = (message: Received, backend: FakeBackend): void => {
    const { type, id } = message.header;
    if (type === "ping") backend.send(message, pong(id));
    if (type === "hello") backend.send(message, ready(id));
  };

  it("asks for a sign of life, then for the model", async () => {
    const backend = await serve(answer);
    const { ready: card } = keep(await connect(backend.endpoint));
    expect(card.runtime.attention).toBe("sdpa");
    expect(backend.received.map(({ header }) => header.type)).toEqual(["ping", "hello"]);
  });

  it("rejects what is pending as soon as the backend goes away", async () => {
    const backend = await serve(answer);
    const { transport, ready: card } = keep(await connect(backend.endpoint));
    const pending = rejection(new ZmqDenoiser(transport, card.model).forward(REQUEST));
    await backend.requests("forward");
    backend.stop();
    expect(await pending).toMatchObject({ code: "backend_exited" });
  });

  it("leaves the backend running when closed", async () => {
    const backend = await serve(answer);
    const first = await connect(backend.endpoint);
    await first.close();
    await first.close();
    keep(await connect(backend.endpoint));
  });

  it.each([
    "tcp://127.0.0.1:5555",
    "inproc://x",
    "ipc://",
    "ipc://@abstract",
    "ipc://*",
    "/tmp/socket",
  ])("refuses %s", async (endpoint) => {
    expect(await rejection(connect(endpoint))).toMatchObject({ code: "endpoint_invalid" });
  });

  it("refuses a path that is too long for a socket", async () => {
    const endpoint = `ipc:///${"x".repeat(200)}`;
    expect(await rejection(connect(endpoint))).toMatchObject({ code: "endpoint_invalid" });
  });

  it("says so when nobody is there", async () => {
    const error = await rejection(connect(`ipc://${scratch}/none`, { reachTimeoutMs: 100 }));
    expect(error).toMatchObject({
      code: "backend_timeout",
      message: `No backend can be reached at ${scratch}/none: there is no such file`,
      remedy: expect.stringContaining("remdm serve"),
    });
  });

  it("says so when something is there that does not answer", async () => {
    const backend = await serve(() => undefined);
    const error = await rejection(connect(backend.endpoint, { reachTimeoutMs: 200 }));
    expect(error).toMatchObject({
      code: "backend_timeout",
      message: expect.stringContaining("nobody answers there"),
    });
  });

  it("refuses a backend of another protocol", async () => {
    const backend = await serve((message, self) => {
      const { type, id } = message.header;
      self.send(message, type === "ping" ? pong(id) : { ...ready(id), protocol: 1 });
    });
    expect(await rejection(connect(backend.endpoint))).toMatchObject({
      code: "protocol_mismatch",
      message: `The backend (0) speaks protocol 1, this SDK ${PROTOCOL_VERSION}`,
    });
  });

  it("can be aborted while the backend loads its checkpoint", async () => {
    const controller = new AbortController();
    const backend = await serve((message, self) => {
      const { type, id } = message.header;
      if (type === "ping") self.send(message, pong(id));
      else controller.abort();
    });
    const limits = { reachTimeoutMs: 20_000, signal: controller.signal };
    const error = await rejection(connectBackend(backend.endpoint, limits));
    expect(error).toMatchObject({ code: "aborted" });
  });
});

describe("ZmqDenoiser", () => {
  async function denoiser(shape: number[], values: Float32Array, dtype = "float32") {
    const backend = await serve((message, self) => {
      const { type, id } = message.header;
      if (type === "ping") self.send(message, pong(id));
      if (type === "hello") self.send(message, ready(id));
      if (type === "forward") {
        self.send(message, { type: "rows", id, tensors: [{ dtype, shape }] }, values);
      }
    });
    const { transport, ready: card } = keep(await connect(backend.endpoint));
    return { backend, denoiser: new ZmqDenoiser(transport, card.model) };
  }

  it("sends tokens, sigma and rows, and gives the rows", async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const { denoiser: zmq, backend } = await denoiser([2, 3], values);
    expect(await zmq.forward(REQUEST)).toEqual(values);
    const [{ header, frames }] = await backend.requests("forward");
    expect(header).toMatchObject({
      output: "logits",
      tensors: [
        { dtype: "int32", shape: [1, 2] },
        { dtype: "float32", shape: [1] },
        { dtype: "int32", shape: [2] },
      ],
    });
    expect(frames.map(({ byteLength }) => byteLength)).toEqual([8, 4, 8]);
  });

  it("asks for statistics, of a number each a row, and names a token for each where it is needed", async () => {
    const values = Float32Array.of(1, 2, 3, 4);
    const { denoiser: zmq, backend } = await denoiser([2, 2], values);
    expect(await zmq.statistics({ ...REQUEST, statistics: ["max", "entropy"] })).toEqual(values);
    const given = Int32Array.of(2, 1);
    const named = { ...REQUEST, statistics: ["given", "logMass"], given } as const;
    expect(await zmq.statistics(named)).toEqual(values);
    const [plain, second] = await backend.requests("forward", 2);
    expect(plain.header).toMatchObject({ output: "statistics", statistics: ["max", "entropy"] });
    expect(plain.header).not.toHaveProperty("cache");
    expect(plain.frames).toHaveLength(3);
    expect(second.header).toMatchObject({ statistics: ["given", "logMass"] });
    expect(second.header.tensors).toEqual([
      { dtype: "int32", shape: [1, 2] },
      { dtype: "float32", shape: [1] },
      { dtype: "int32", shape: [2] },
      { dtype: "int32", shape: [2] },
    ]);
    expect([...second.frames[3]]).toEqual([2, 0, 0, 0, 1, 0, 0, 0]);
    const three = { ...REQUEST, statistics: ["max", "second", "argmax"] } as const;
    for (const call of [zmq.forward(named), zmq.statistics(three)]) {
      expect(await rejection(call)).toMatchObject({ code: "protocol_mismatch" });
    }
    const [, , rows] = await backend.requests("forward", 4);
    expect(rows.header).toMatchObject({ output: "logits" });
    expect(rows.frames).toHaveLength(3); // the token named for each row stays at home
  });

  it.each<[string, readonly StatisticName[]]>([
    ["no statistic", []],
    ["a statistic twice", ["max", "max"]],
    ["an unknown statistic", ["masses" as StatisticName]],
  ])("does not send a request for %s", async (_, statistics) => {
    const { denoiser: zmq, backend } = await denoiser([2, 1], new Float32Array(2));
    const error = await rejection(zmq.statistics({ ...REQUEST, statistics }));
    expect(error).toMatchObject({ code: "protocol_mismatch" });
    expect(backend.received.filter(({ header }) => header.type === "forward")).toEqual([]);
  });

  it("names a cache, and lets go of it without waiting or throwing", async () => {
    const { denoiser: zmq, backend } = await denoiser([2, 3], new Float32Array(6));
    await zmq.forward({ ...REQUEST, cache: 7 });
    zmq.release(7); // never answered here
    const [{ header }] = await backend.requests("forward");
    expect(header).toMatchObject({ cache: 7 });
    const [release] = await backend.requests("release");
    expect(release.header).toMatchObject({ type: "release", cache: 7 });
  });

  // An unhandled rejection fails a test of jest 30, once the promise has had the time to be reported.
  it("lets go of caches of a backend that is gone, refuses, or was never asked, and says nothing", async () => {
    const { denoiser: zmq, backend } = await denoiser([2, 3], new Float32Array(6));
    zmq.release(-1); // no name: it is not even sent
    zmq.release(1);
    const [refused] = await backend.requests("release");
    const says = { code: "internal", message: "A bug", remedy: "Report it" };
    backend.send(refused, { type: "error", id: refused.header.id, ...says });
    expect(await zmq.forward(REQUEST)).toHaveLength(6);
    zmq.release(2);
    await opened.splice(-1)[0](); // closes the connection, over the pending release
    zmq.release(3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const released = backend.received.filter(({ header }) => header.type === "release");
    expect(released.map(({ header }) => header.cache)).not.toContain(3);
  });

  it.each<[string, number[], number, string]>([
    ["a row too few", [1, 3], 3, "float32"],
    ["another vocabulary", [2, 4], 8, "float32"],
    ["another rank", [6], 6, "float32"],
    ["integers", [2, 3], 6, "int32"],
  ])("refuses an answer with %s", async (_, shape, items, dtype) => {
    const { denoiser: zmq } = await denoiser(shape, new Float32Array(items), dtype);
    expect(await rejection(zmq.forward(REQUEST))).toMatchObject({ code: "protocol_mismatch" });
  });
});
