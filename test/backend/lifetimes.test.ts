// @part backend
/**
 * What a program forgets is not left behind: it ends by itself with a model, a judge and a connection open, and so does a
 * worker thread, in whichever way; the backends end with it. In processes of their own, under Node and Deno.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { BuiltPackage } from "./support/builtPackage.ts";
import { FakeBackend, pong, ready } from "./support/fakeBackend.ts";
import { isRunning, removeFakePythons, servingPython, until } from "./support/fakePython.ts";
import { RUNTIMES } from "./support/runtimes.ts";

let built: BuiltPackage;
/** What `connect` reaches. */
let server: FakeBackend;
beforeAll(() => {
  built = new BuiltPackage();
});
beforeEach(async () => {
  server = await FakeBackend.start((message, backend) => {
    const { type, id } = message.header;
    if (type === "forward") {
      const tensors = [{ dtype: "float32", shape: [1, 3] }];
      backend.send(message, { type: "rows", id, tensors }, new Float32Array(3));
    } else backend.send(message, type === "hello" ? ready(id) : pong(id));
  });
});
afterEach(() => {
  server.stop();
});
afterAll(() => {
  built.remove();
  removeFakePythons();
});

const pidFile = (): string => join(built.scratch, "pids");

/** Backends that say who they are; each forward is answered after a moment. */
function python(delayMs = 0): string {
  return servingPython({
    beforeStart: `require("fs").appendFileSync(${JSON.stringify(pidFile())}, process.pid + " ");`,
    onForward: `
      const count = frames[4].length / 4;
      setTimeout(() => {
        const tensors = [{ dtype: "float32", shape: [count, 3] }];
        router.send([client, packr.pack({ type: "rows", id, tensors }), new Float32Array(3 * count)]);
      }, ${delayMs});`,
  });
}

/** Opens a model, a judge and a connection, and asks the two that can be asked. */
function openAll(delayMs = 0): string {
  return `
    const python = ${JSON.stringify(python(delayMs))};
    const tokenizer = { name: "t", vocabSize: 3, encode: () => [], decode: (ids) => ids.join("") };
    const model = await Remdm.launch({ checkpoint: ".", python, tokenizer });
    const judge = await remdm.Judge.launch({ model: ".", python, tokenizer });
    const connection = await Remdm.connect({ endpoint: ${JSON.stringify(server.endpoint)}, tokenizer });
    const forward = (opened) => opened.denoiser.forward({
      batch: 1, length: 2, tokens: Int32Array.of(0, 1), sigma: new Float32Array(1), rows: Int32Array.of(0),
    });
    await Promise.all([forward(model), forward(connection)]);
  `;
}

/** Every backend that was started is gone, and so are the directories of their sockets. */
async function expectNothingLeft(): Promise<void> {
  const pids = readFileSync(pidFile(), "utf8").trim().split(" ").map(Number);
  expect(pids.length).toBeGreaterThan(0);
  await until(() => !pids.some(isRunning));
  expect(built.leftovers).toEqual([]);
}

describe.each(RUNTIMES)("a program that forgets to close, under %s,", (_, runtime) => {
  it("ends by itself when it has nothing more to do, and the backends end with it", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `${openAll()}
      const { texts } = await model.sample({ strategy: { kind: "mdlm" }, steps: 4 }).result();
      console.log(texts.length);`,
      runtime,
    );
    expect([stdout, stderr, exitCode]).toEqual(["1", "", 0]);
    await expectNothingLeft();
  });

  it("is not ended while it waits: for a forward, or for the next event of a run", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `${openAll(300)}
      await forward(model);
      const seen = [];
      for await (const event of model.sample({ strategy: { kind: "mdlm" }, steps: 4 })) seen.push(event.type);
      console.log(seen.includes("finished"));`,
      runtime,
    );
    expect([stdout, stderr, exitCode]).toEqual(["true", "", 0]);
  });

  it("ends when it leaves a run in the middle", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `${openAll()}
      const events = model.sample({ strategy: { kind: "mdlm" }, steps: 4 })[Symbol.asyncIterator]();
      console.log((await events.next()).done);`,
      runtime,
    );
    expect([stdout, stderr, exitCode]).toEqual(["false", "", 0]);
    await expectNothingLeft();
  });

  it("is not ended while it closes, or while a launch fails", async () => {
    const dying = servingPython({ beforeStart: "process.exit(1)" });
    const { stdout, stderr, exitCode } = await built.run(
      `${openAll()}
      await model.close();
      const failed = await Remdm.launch({ checkpoint: ".", python: ${JSON.stringify(dying)} }).catch(({ code }) => code);
      console.log(failed);`,
      runtime,
    );
    expect([stdout, stderr, exitCode]).toEqual(["backend_start_failed", "", 0]);
  });
});

describe("a worker thread with a model, a judge and a connection open", () => {
  /** @param ending what the worker does at last; @param onMessage what the main thread does then. */
  function inWorker(ending: string, onMessage = ""): string {
    return `
      import { isMainThread, parentPort, Worker } from "node:worker_threads";
      if (isMainThread) {
        const worker = new Worker(new URL(import.meta.url));
        worker.on("message", () => { ${onMessage} });
        worker.on("error", (error) => console.log(error.message));
        worker.on("exit", () => setTimeout(() => console.log("main lives"), 100));
      } else {
        ${openAll(400)}
        ${ending}
      }`;
  }

  it.each([
    ["runs out of work", "", ""],
    ["exits", "process.exit();", ""],
    ["is terminated while it is idle", "parentPort.postMessage(0);", "worker.terminate();"],
    [
      "is terminated while it waits for an answer",
      "void forward(model); setTimeout(() => parentPort.postMessage(0), 100);",
      "worker.terminate();",
    ],
    [
      "exits while it waits for an answer",
      "void forward(model); setTimeout(() => process.exit(), 100);",
      "",
    ],
  ])("takes nothing down when it %s", async (_, ending, onMessage) => {
    const { stdout, stderr, exitCode } = await built.run(inWorker(ending, onMessage));
    expect([stdout, stderr, exitCode]).toEqual(["main lives", "", 0]);
    await expectNothingLeft();
  });

  it("tells its main thread about an error, and takes nothing else down", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      inWorker(`throw new Error("of the worker");`),
    );
    expect([stdout, stderr, exitCode]).toEqual(["of the worker\nmain lives", "", 0]);
    await expectNothingLeft();
  });
});
