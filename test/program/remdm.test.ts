// @part backend
/** The whole SDK against the real backend and the golden checkpoint. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { BackendProcess } from "../../src/backend/process/process.ts";
import { findPython } from "../../src/backend/process/python.ts";
import { MASK_GLYPH, Remdm, type LaunchOptions } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { BuiltPackage, socketsIn } from "../backend/support/builtPackage.ts";
import { isRunning, until } from "../backend/support/fakePython.ts";
import { expectRecordedOutputs } from "../support/forwardCases.ts";
import { goldenCheckpoint, goldenTokenizer } from "../support/golden.ts";

const MDLM = goldenCheckpoint("mdlm");

/** Loading PyTorch takes seconds, or a minute on a machine that is out of breath. */
const MINUTES = 60_000;
const GOLDEN = {
  checkpoint: MDLM,
  tokenizer: goldenTokenizer,
  device: "cpu",
} as const;

function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was expected to reject");
    },
    (reason: unknown) => reason,
  );
}

const TMPDIR = process.env.TMPDIR;
let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-it-"));
});
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  rmSync(scratch, { recursive: true });
});

/** From here on, sockets' directories are made in `scratch`. */
function launch(options: LaunchOptions = {}, golden: LaunchOptions = GOLDEN): Promise<Remdm> {
  process.env.TMPDIR = scratch;
  return Remdm.launch({ ...golden, ...options });
}

describe("a launched model", () => {
  let remdm: Remdm;
  beforeAll(async () => {
    remdm = await Remdm.launch(GOLDEN);
  }, 3 * MINUTES);
  afterAll(async () => {
    await remdm.close();
  });

  it("says what it is", async () => {
    expect(remdm.model).toMatchObject({
      kind: "mdlm",
      name: "mdlm.ckpt",
      weights: "ema",
      vocabSize: 513,
      maskId: 512,
      length: 64,
    });
    expect(remdm.runtime).toMatchObject({ device: "cpu", dtype: "float32" });
    expect(await remdm.ping()).toEqual({ busy: false, queued: 0 });
  });

  it("gives the original's log-probabilities through the wire, with EMA weights", async () => {
    await expectRecordedOutputs(remdm, true);
  });

  it("samples text: the events add up to the result", async () => {
    const run = remdm.sample({
      strategy: { kind: "remdm-cap", eta: 0.05 },
      steps: 16,
      samples: 3,
      topP: 0.9,
    });
    const sequences = Array.from({ length: 3 }, () => new Int32Array(64).fill(512));
    for await (const event of run) {
      if (event.type === "revealed") {
        event.positions.forEach((l, i) => (sequences[event.sample][l] = event.tokens[i]));
      } else if (event.type === "remasked") {
        event.positions.forEach((l) => (sequences[event.sample][l] = 512));
      }
    }
    const { texts, tokens, entropies, stats } = await run.result();
    expect(sequences.map((ids) => [...ids])).toEqual(tokens);
    expect(texts).toEqual(tokens.map((ids) => remdm.tokenizer.decode(ids)));
    for (const text of texts) expect(text).not.toContain(MASK_GLYPH);
    for (const entropy of entropies) expect(entropy).toBeGreaterThan(2);
    expect(stats.forwardCalls).toBeGreaterThan(0);
    expect(stats.steps).toBe(16);
  });

  it("gives the same tokens for a seed, and keeps a prompt", async () => {
    const options = { strategy: { kind: "mdlm" }, steps: 12, prompt: "ROMEO:", seed: 7n } as const;
    const [first, second] = await Promise.all([
      remdm.sample(options).result(),
      remdm.sample(options).result(),
    ]);
    expect(first.tokens).toEqual(second.tokens);
    expect(first.texts[0].startsWith("ROMEO:")).toBe(true);
  });

  it("refuses bad options before anything runs", () => {
    const sample = (options: object) => () =>
      remdm.sample({ strategy: { kind: "mdlm" }, steps: 4, ...options });
    expect(sample({ steps: 0 })).toThrow("steps must be");
    expect(sample({ temperature: -1 })).toThrow("temperature must be");
  });

  it("is aborted by its caller, and goes on for others", async () => {
    const controller = new AbortController();
    const options = { strategy: { kind: "mdlm" }, steps: 64, samples: 4 } as const;
    const aborted = rejection(remdm.sample({ ...options, signal: controller.signal }).result());
    const other = remdm.sample({ ...options, steps: 4 }).result();
    setTimeout(() => controller.abort(), 20);
    expect(await aborted).toMatchObject({ code: "aborted" });
    expect((await other).texts).toHaveLength(4);
  });
});

describe("starting and ending", () => {
  it(
    "loads the raw weights when asked, and leaves nothing when it is closed under running samples",
    async () => {
      const remdm = await launch({ rawWeights: true });
      const { pid } = remdm.runtime;
      expect(remdm.model.weights).toBe("raw");
      await expectRecordedOutputs(remdm, false);

      const run = remdm.sample({ strategy: { kind: "mdlm" }, steps: 64, samples: 8 });
      const failed = rejection(run.result());
      await new Promise((resolve) => setTimeout(resolve, 30));
      await Promise.all([remdm.close(), remdm.close()]);
      await remdm[Symbol.asyncDispose]();
      expect(await failed).toMatchObject({ code: "backend_closed" });
      expect(await rejection(remdm.ping())).toMatchObject({ code: "backend_closed" });
      expect(isRunning(pid)).toBe(false);
      expect(socketsIn(scratch)).toEqual([]);
    },
    3 * MINUTES,
  );

  it(
    "rejects at once when the backend is killed during a run",
    async () => {
      await using remdm = await launch();
      const run = remdm.sample({ strategy: { kind: "mdlm" }, steps: 64, samples: 16 });
      const failed = rejection(
        (async () => {
          for await (const event of run) {
            if (event.type === "revealed") process.kill(remdm.runtime.pid, "SIGKILL");
          }
        })(),
      );
      expect(await failed).toMatchObject({
        code: "backend_exited",
        message: expect.stringContaining("SIGKILL"),
      });
      expect(await rejection(run.result())).toMatchObject({ code: "backend_exited" });
      expect(socketsIn(scratch)).toEqual([]);
    },
    3 * MINUTES,
  );

  const { tokenizer } = GOLDEN;
  it.each<[string, LaunchOptions, string]>([
    ["a tokenizer of another model", { checkpoint: MDLM, tokenizer: "gpt2" }, "tokenizer_mismatch"],
    ["no tokenizer to be found", { checkpoint: MDLM }, "tokenizer_invalid"],
    ["a file that is no checkpoint", { checkpoint: tokenizer, tokenizer }, "checkpoint_invalid"],
  ])(
    "fails with %s, and leaves nothing",
    async (_, options, code) => {
      const log: string[] = [];
      const failed = await rejection(
        launch({ ...options, device: "cpu", onLog: (line) => log.push(line) }, {}),
      );
      expect(failed).toMatchObject({ code });
      expect(socketsIn(scratch)).toEqual([]);
      expect(log.length).toBeGreaterThan(0);
    },
    3 * MINUTES,
  );

  it("is given up by its signal while PyTorch loads, and leaves nothing", async () => {
    const controller = new AbortController();
    const onLog = (): void => controller.abort();
    const failed = await rejection(launch({ signal: controller.signal, onLog }));
    expect(failed).toMatchObject({ code: "aborted" });
    expect(socketsIn(scratch)).toEqual([]);
  });

  it(
    "connects to a backend that somebody else started, and leaves it running",
    async () => {
      process.env.TMPDIR = scratch;
      const python = findPython().path;
      const server = new BackendProcess({
        ...{ python, checkpoint: MDLM, device: "cpu", dtype: "float32", rawWeights: false },
      });
      try {
        const reachTimeoutMs = 2 * MINUTES;
        const { endpoint } = server;
        const connect = { endpoint, tokenizer: GOLDEN.tokenizer, reachTimeoutMs };
        const [first, second] = await Promise.all([Remdm.connect(connect), Remdm.connect(connect)]);
        const options = { strategy: { kind: "mdlm" }, steps: 4 } as const;
        const results = await Promise.all(
          [first, second].map((one) => one.sample(options).result()),
        );
        expect(results[0].tokens).toEqual(results[1].tokens);
        await first.close();
        expect((await second.ping()).queued).toBe(0);
        await second.close();
        expect(isRunning(second.runtime.pid)).toBe(true);
      } finally {
        await server.stop();
      }
    },
    3 * MINUTES,
  );
});

describe("what is wrong before Python starts", () => {
  it.each<[string, Partial<LaunchOptions>, string]>([
    ["a missing checkpoint", { checkpoint: "/nowhere.ckpt" }, "checkpoint_missing"],
    ["a missing Python", { python: "/nowhere/python" }, "python_missing"],
    ["a missing tokenizer", { tokenizer: "/nowhere.json" }, "tokenizer_invalid"],
    ["an unknown option", { dtyp: "float32" } as Partial<LaunchOptions>, "option_invalid"],
  ])("is reported at once: %s", async (_, options, code) => {
    const python = process.execPath; // never started
    const failed = await rejection(Remdm.launch({ checkpoint: packageRoot, python, ...options }));
    expect(failed).toMatchObject({ code });
  });

  it("includes tcp endpoints", async () => {
    const failed = await rejection(Remdm.connect({ endpoint: "tcp://127.0.0.1:5555" }));
    expect(failed).toMatchObject({ code: "endpoint_invalid" });
  });
});

describe("the process around it", () => {
  let built: BuiltPackage;
  beforeAll(() => {
    built = new BuiltPackage();
  });
  afterAll(() => {
    built.remove();
  });
  const golden = (): string => JSON.stringify({ ...GOLDEN, python: findPython().path });

  it(
    "ends by itself when the model is closed",
    async () => {
      const { stdout, stderr, exitCode } = await built.run(`
        await (async () => {
          const model = await Remdm.launch(${golden()});
          try {
            const { texts } = await model.sample({ strategy: { kind: "remdm-loop" }, steps: 8 }).result();
            console.log(texts.length);
          } finally {
            await model[Symbol.asyncDispose]();
          }
        })();
      `);
      expect([stdout, stderr, exitCode]).toEqual(["1", "", 0]);
      expect(built.leftovers).toEqual([]);
    },
    3 * MINUTES,
  );

  it.each(["once the model is there", "while it loads"])(
    "when killed takes the backend with it, %s",
    async (when) => {
      const waits = when === "while it loads" ? "" : "await";
      const child = built.run(`
        const { readdirSync } = await import("node:fs");
        const said = new Promise((resolve) => {
          globalThis.launched = Remdm.launch({ ...${golden()}, onLog: resolve });
        });
        await said;
        ${waits} globalThis.launched;
        const { execFileSync } = await import("node:child_process");
        const children = execFileSync("pgrep", ["-f", "remdm_backend", "-P", process.pid]);
        console.log(children.toString().trim());
        setInterval(() => undefined, 1000);
      `);
      let pid = 0;
      for await (const line of child) {
        pid = Number(line);
        child.kill("SIGKILL");
      }
      await child;
      expect(pid).toBeGreaterThan(0);
      await until(() => !isRunning(pid));
      await until(() => built.leftovers.length === 0);
    },
    3 * MINUTES,
  );
});
