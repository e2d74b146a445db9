// @part slow
/** The same transport under Node and Deno, in processes of their own, against a backend that only echoes. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { BuiltPackage } from "./support/builtPackage.ts";
import { removeFakePythons, servingPython } from "./support/fakePython.ts";
import { RUNTIMES } from "./support/runtimes.ts";

/** Two rows for each row, of a vocabulary of 3: token, row and 7. */
const ECHO = `
  const [, , tokens, , rows] = frames;
  const values = new Float32Array(rows.length / 4 * 3);
  for (let n = 0; n < rows.length / 4; n++) {
    const row = rows.readInt32LE(4 * n);
    values.set([tokens.readInt32LE(4 * row), row, 7], 3 * n);
  }
  const tensors = [{ dtype: "float32", shape: [rows.length / 4, 3] }];
  await router.send([client, packr.pack({ type: "rows", id, tensors }), values]);
`;

let built: BuiltPackage;
beforeAll(() => {
  built = new BuiltPackage();
});
afterAll(() => {
  built.remove();
  removeFakePythons();
});

const launch = (python: string): string => `
    const tokenizer = { name: "t", vocabSize: 2, encode: async () => [], decode: (ids) => ids.join("") };
    const model = await Remdm.launch({ checkpoint: ".", python: ${JSON.stringify(python)}, tokenizer });
    const forward = (token, signal) => model.denoiser.forward({
      batch: 1, length: 2, tokens: Int32Array.of(token, 1), sigma: new Float32Array(1), rows: Int32Array.of(0),
    }, signal);
  `;

describe.each(RUNTIMES)("under %s", (_, runtime) => {
  it("answers thousands of calls, one by one and all at once, and ends by itself", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `${launch(servingPython({ onForward: ECHO }))}
      let wrong = 0;
      for (let i = 0; i < 1500; i++) if ((await forward(i))[0] !== i) wrong++;
      const all = await Promise.all(Array.from({ length: 3000 }, (_, i) => forward(i)));
      all.forEach((values, i) => { if (values[0] !== i || values[2] !== 7) wrong++; });
      console.log("wrong", wrong, (await model.ping()).queued);
      await model.close();`,
      runtime,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("wrong 0 0");
    expect(exitCode).toBe(0);
    expect(built.leftovers).toEqual([]);
  });

  it("lets go of its sockets: collecting the garbage of many connections is harmless", async () => {
    const [command, ...parameters] = runtime;
    const exposeGc = command === process.execPath ? "--expose-gc" : "--v8-flags=--expose-gc";
    const { stdout, stderr } = await built.run(
      `let refused = 0;
      for (let i = 0; i < 30; i++) {
        const connect = Remdm.connect({ endpoint: "ipc://" + process.env.TMPDIR + "/none", reachTimeoutMs: 3 });
        await connect.catch((error) => { if (error.code === "backend_timeout") refused++; });
        gc();
      }
      console.log(refused);`,
      [command, ...parameters, exposeGc],
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("30");
  });

  it("samples to the end and streams", async () => {
    const { stdout, stderr } = await built.run(
      `${launch(servingPython({ onForward: ECHO }))}
      const options = { strategy: { kind: "remdm-cap", eta: 0.1 }, steps: 16, samples: 3 };
      const { texts } = await model.sample(options).result();
      let events = 0;
      for await (const event of model.sample(options)) events++;
      console.log(texts.length, events > 4, model.runtime.device);
      await model[Symbol.asyncDispose]();`,
      runtime,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("3 true cpu");
  });

  it("runs 40 samples and 40 calls on one signal without a warning of leaking listeners", async () => {
    const { stdout, stderr } = await built.run(
      `${launch(servingPython({ onForward: ECHO }))}
      const { signal } = new AbortController();
      const forty = (work) => Promise.all(Array.from({ length: 40 }, work));
      const options = { strategy: { kind: "remdm-cap", eta: 0.1 }, steps: 16, signal };
      await forty(() => model.sample(options).result());
      await forty(() => forward(0, signal));
      await forty(() => model.ping({ signal }));
      console.log("done");
      await model.close();`,
      runtime,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("done");
  });

  it("aborts, and rejects what is pending when the backend dies or is closed", async () => {
    const dying = servingPython({ onForward: `process.kill(process.pid, "SIGKILL");` });
    const { stdout, stderr } = await built.run(
      `const codes = [];
      const note = (promise) => promise.catch((error) => codes.push(error.code));
      {
        ${launch(servingPython())}
        await note(forward(0, AbortSignal.timeout(30)));
        const closed = note(forward(0));
        await model.close();
        await closed;
      }
      {
        ${launch(dying)}
        await note(forward(0));
        await model.close();
      }
      await note(Remdm.launch({ checkpoint: ".", python: ${JSON.stringify(servingPython({ beforeStart: "process.exit(1)" }))} }));
      console.log(codes.join(" "));`,
      runtime,
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("aborted backend_closed backend_exited backend_start_failed");
    expect(built.leftovers).toEqual([]);
  });

  it("leaves nothing when the process exits without closing", async () => {
    const { exitCode } = await built.run(`${launch(servingPython())} process.exit(3)`, runtime);
    expect(exitCode).toBe(3);
    expect(built.leftovers).toEqual([]);
  });

  it("leaves nothing when the process dies of an error", async () => {
    const { exitCode, stderr } = await built.run(
      `${launch(servingPython())} throw new Error("of the user")`,
      runtime,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain("of the user");
    expect(built.leftovers).toEqual([]);
  });

  it("ends the process when a failed result is dropped, as any rejection that nobody handles", async () => {
    const dying = servingPython({ onForward: `process.kill(process.pid, "SIGKILL");` });
    const { exitCode, stderr } = await built.run(
      `${launch(dying)}
      void model.sample({ strategy: { kind: "mdlm" }, steps: 4 }).result();`,
      runtime,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain("killed by SIGKILL");
  });
});

it("under Bun is refused before the addon is loaded, and starts no backend", async () => {
  const { stdout } = await built.run(
    `globalThis.Bun = {};
    const refused = [
      Remdm.launch({ checkpoint: ".", python: ${JSON.stringify(servingPython())} }),
      Remdm.connect({ endpoint: "ipc:///nobody/here" }),
    ];
    for (const one of refused) await one.catch(({ code }) => console.log(code));
    console.log(process.report.getReport().sharedObjects.some((path) => path.includes("zeromq")));`,
  );
  expect(stdout).toBe("platform_unsupported\nplatform_unsupported\nfalse");
  expect(built.leftovers).toEqual([]);
});
