// @part slow
/** Rows drawn by real worker threads, under Node and Deno, in processes of their own. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BuiltPackage } from "./support/builtPackage.ts";
import { FakeBackend, MODEL, pong, ready } from "./support/fakeBackend.ts";
import { RUNTIMES } from "./support/runtimes.ts";

const VOCAB_SIZE = 60_000;

let built: BuiltPackage;
/** A backend with a large vocabulary; row n holds a pattern that begins at n. */
let server: FakeBackend;
beforeAll(async () => {
  built = new BuiltPackage();
  server = await FakeBackend.start((message, backend) => {
    const { type, id } = message.header;
    if (type !== "forward") {
      const model = { ...MODEL, vocabSize: VOCAB_SIZE, maskId: VOCAB_SIZE - 1 };
      backend.send(message, type === "hello" ? { ...ready(id), model } : pong(id));
      return;
    }
    const count = message.frames[message.frames.length - 1].length / 4;
    const values = Float32Array.from({ length: count * VOCAB_SIZE }, (_, i) => (i * 7919) % 13);
    const tensors = [{ dtype: "float32", shape: [count, VOCAB_SIZE] }];
    backend.send(message, { type: "rows", id, tensors }, values);
  });
});
afterAll(() => {
  server.stop();
  built.remove();
});

/** A network, a pool whose threads the program sees, and rows for a call. */
const BEGIN = `
  const { RowPool, PhiloxNoise, sample } = remdm;
  const part = (name) => import("./dist/sampler/draw/" + name + ".js");
  const { openThread } = await part("workers/thread");
  const { drawRows } = await part("workers/drawRows");
  const { RowSampler } = await part("rowSampler");
  const { drawTask } = await part("rowTask");
  const { Pace } = await import("./dist/foundation/pace.js");
  const model = { vocabSize: 5003, maskId: 17, length: 128, timeConditioning: false };
  const noise = new PhiloxNoise(7n);
  const rowOf = (n) => Float32Array.from({ length: model.vocabSize }, (_, id) => 9 * noise.position(n, 0, id));
  const rows = Array.from({ length: 64 }, (_, n) => rowOf(n));
  const denoiser = {
    model,
    forward: async ({ rows: asked, tokens }) => {
      const seen = tokens.filter((token) => token !== model.maskId).length;
      const values = new Float32Array(asked.length * model.vocabSize);
      asked.forEach((at, i) => values.set(rows[(at + seen) % rows.length], i * model.vocabSize));
      return values;
    },
  };
  const threads = [];
  let ended = 0;
  const open = (shared, onEnd) => {
    const thread = openThread(shared, (cause) => { ended++; onEnd(cause); });
    threads.push(thread);
    return thread;
  };
  const pool = new RowPool({ workers: 2 }, open);
  const rule = { topP: 0.9, temperature: 0.8 };
  const sampler = new RowSampler(model, rule);
  const tasks = Array.from({ length: 400 }, (_, i) => {
    return { row: rows[i % rows.length], at: { sample: 1, step: 2, position: i }, likeliest: i % 5 === 0 };
  });
  const here = JSON.stringify(tasks.map((task) => drawTask(sampler, task, noise)));
  const draw = () => drawRows(tasks, { sampler, model, rule, noise, pace: new Pace(undefined), pool });
  const same = async () => JSON.stringify(await draw()) === here;
  const turn = () => new Promise((resolve) => setTimeout(resolve, 2));
  const begun = async () => {
    while (!pool.start().every((worker) => worker.isFree)) await turn();
  };
  const settings = { model: { vocabSize: 5003, maskId: 17 }, rule, seed: 7n };
`;

describe.each(RUNTIMES)("under %s", (_, runtime) => {
  const run = (body: string) => built.run(BEGIN + body, runtime);

  it("each thread draws what the calling one draws, and the program ends by itself", async () => {
    const { stdout, stderr, exitCode } = await run(`
      await begun();
      for (const worker of pool.start()) {
        const piece = tasks.slice(0, 50);
        const handed = worker.hand(piece, settings);
        while (!handed.isOver) await turn();
        const draws = piece.map((_, i) => handed.drawOf(i));
        console.log(JSON.stringify(draws) === JSON.stringify(JSON.parse(here).slice(0, 50)));
        handed.release();
      }
      for (let i = 0; i < 20; i++) if (!(await same())) console.log("other draws");
      console.log(pool.size, pool.failure);`);
    expect(stderr).toBe("");
    expect(stdout).toBe("true\ntrue\n2 undefined");
    expect(exitCode).toBe(0);
  });

  it("a run has the same tokens, and importing and sampling alone start nothing", async () => {
    const { stdout, stderr, exitCode } = await run(`
      const options = { strategy: { kind: "confidence", of: "drawn" }, steps: 16, samples: 2, batchSize: 2 };
      const alone = JSON.stringify(await sample(denoiser, options));
      console.log(threads.length);
      await begun();
      console.log(threads.length);
      console.log(JSON.stringify(await sample(denoiser, options, undefined, pool)) === alone);`);
    expect(stderr).toBe("");
    expect(stdout).toBe("0\n2\ntrue");
    expect(exitCode).toBe(0);
  });

  it("threads that are killed in the middle change no draw", async () => {
    const { stdout, stderr, exitCode } = await run(`
      await begun();
      const first = draw();
      void threads[0].end();
      console.log(JSON.stringify(await first) === here);
      while (pool.size === 2) await turn();
      console.log(pool.size, String(pool.failure), await same());
      void threads[1].end();
      console.log(await same());
      while (pool.size === 1) await turn();
      console.log(pool.size, await same(), threads.length);`);
    expect(stderr).toBe("");
    expect(stdout).toBe(
      "true\n1 Error: a thread that draws rows has ended by itself true\ntrue\n0 true 2",
    );
    expect(exitCode).toBe(0);
  });

  it("closing in the middle leaves no thread, and the call goes on", async () => {
    const { stdout, stderr, exitCode } = await run(`
      await begun();
      const drawing = draw();
      await Promise.all([pool.close(), pool.close()]);
      console.log(ended >= 2, JSON.stringify(await drawing) === here, pool.size, pool.failure);
      console.log(await same(), threads.length);`);
    expect(stderr).toBe("");
    expect(stdout).toBe("true true 0 undefined\ntrue 2");
    expect(exitCode).toBe(0);
  });

  it("a model's threads start with many rows, draw the same, and end with it", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `const tokenizer = { name: "t", vocabSize: ${VOCAB_SIZE - 1}, encode: () => [], decode: (ids) => ids.join(" ") };
      const endpoint = ${JSON.stringify(server.endpoint)};
      const options = { strategy: { kind: "confidence", of: "drawn" }, steps: 4, samples: 2, batchSize: 2 };
      const texts = {};
      for (const workers of [0, 2]) {
        const model = await Remdm.connect({ endpoint, tokenizer, workers });
        const before = model.rowPool.size;
        texts[workers] = (await model.sample(options).result()).texts.join();
        console.log(before, model.rowPool.size, model.rowPool.failure);
        if (workers > 0) {
          while (!model.rowPool.start().every((worker) => worker.isFree)) {
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
          console.log(texts[0] === (await model.sample(options).result()).texts.join());
        }
        await model.close();
        console.log(model.rowPool.size);
      }
      console.log(texts[0] === texts[2]);`,
      runtime,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("0 0 undefined\n0\n0 2 undefined\ntrue\n0\ntrue");
    expect(exitCode).toBe(0);
  });

  it("a thread whose file is missing is done without", async () => {
    const { stdout, stderr, exitCode } = await run(`
      const fs = process.getBuiltinModule("node:fs");
      const file = new URL("./dist/sampler/draw/workers/main.js", import.meta.url);
      fs.renameSync(file, new URL("./moved.js", import.meta.url));
      try {
        console.log(await same());
        while (pool.size > 0) await turn();
        console.log(pool.failure !== undefined, await same(), threads.length);
      } finally {
        fs.renameSync(new URL("./moved.js", import.meta.url), file);
      }`);
    expect(stderr).toMatch(/^$|in worker "remdm rows"/); // Deno tells it, too
    expect(stdout).toBe("true\ntrue true 2");
    expect(exitCode).toBe(0);
  });
});
