import { existsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { BackendProcess, type ProcessOptions } from "../../../src/backend/process/process.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import {
  directoryOf,
  fakePython,
  isRunning,
  removeFakePythons,
  servingPython,
  until,
} from "../support/fakePython.ts";

const started: BackendProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((process) => process.stop()));
  removeFakePythons();
});

function start(python: string, options: Partial<ProcessOptions> = {}) {
  const backend = new BackendProcess({
    python,
    checkpoint: "/c/model.ckpt",
    device: "cpu",
    dtype: "float32",
    rawWeights: false,
    ...options,
  });
  started.push(backend);
  return { backend, directory: directoryOf(backend.endpoint) };
}

/** The first line that the process logs. */
function startAndListen(body: string, options: Partial<ProcessOptions> = {}) {
  let hear: (line: string) => void = () => undefined;
  const line = new Promise<string>((resolve) => {
    hear = resolve;
  });
  return { ...start(fakePython(body), { ...options, onLog: (text) => hear(text) }), line };
}

const STUBBORN = `
  process.on("SIGTERM", () => undefined);
  setInterval(() => undefined, 1000);
  console.error(process.pid);
`;

describe("BackendProcess", () => {
  it("runs the module with the options that the backend knows", async () => {
    const { backend, line } = startAndListen(
      `console.error(JSON.stringify(process.argv.slice(2)))`,
      { device: "cuda:1", dtype: "bfloat16", rawWeights: true },
    );
    expect(JSON.parse(await line)).toEqual([
      ...["-m", "remdm_backend", "serve", "--checkpoint", "/c/model.ckpt"],
      ...["--endpoint", backend.endpoint, "--device", "cuda:1", "--dtype", "bfloat16"],
      ...["--raw-weights", "--managed", "--own-directory"],
    ]);
  });

  it("puts our Python package before the user's own PYTHONPATH", async () => {
    const before = process.env.PYTHONPATH;
    process.env.PYTHONPATH = "/theirs";
    try {
      const { line } = startAndListen(`console.error(process.env.PYTHONPATH)`);
      expect(await line).toBe(`${join(packageRoot, "py_backend")}:/theirs`);
    } finally {
      if (before === undefined) delete process.env.PYTHONPATH;
      else process.env.PYTHONPATH = before;
    }
  });

  it("gives it a socket directory that is the user's alone, and removes it afterwards", async () => {
    const { backend, directory } = start(servingPython());
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(directory.startsWith(join(tmpdir(), "remdm-"))).toBe(true);
    await until(() => existsSync(backend.endpoint.replace("ipc://", "")));
    await backend.stop();
    expect(existsSync(directory)).toBe(false);
  });

  it("shows the last words of one that dies at import", async () => {
    const { backend, directory } = start(
      fakePython(`
        console.error("Traceback (most recent call last):");
        console.error("ModuleNotFoundError: No module named 'zmq'");
        process.exit(1);
      `),
    );
    const error = await backend.gone;
    expect(error).toMatchObject({
      code: "backend_start_failed",
      remedy: expect.stringContaining("remdm setup"),
    });
    expect(error.message).toMatch(
      /ended while starting \(exit code 1\).*\n.*Traceback.*\n.*'zmq'$/s,
    );
    expect(existsSync(directory)).toBe(false);
  });

  it("makes the typed error that the backend reports in its last line", async () => {
    const report = { code: "checkpoint_invalid", message: "It is cut short.", remedy: "Copy it." };
    const line = `remdm-backend: error ${JSON.stringify(report)}`;
    const { backend } = start(
      fakePython(
        `console.error("before"); console.error(${JSON.stringify(line)}); process.exit(3);`,
      ),
    );
    expect(await backend.gone).toMatchObject({ name: "CheckpointError", ...report });
  });

  it("says which program cannot be started", async () => {
    const { backend, directory } = start("/nowhere/python");
    expect(await backend.gone).toMatchObject({
      code: "backend_start_failed",
      message: expect.stringContaining("/nowhere/python) cannot be started"),
    });
    expect(existsSync(directory)).toBe(false);
    await backend.stop();
  });

  it("tells a death after the handshake from a failed start", async () => {
    const { backend, line } = startAndListen(
      `console.error(process.pid); setInterval(() => undefined, 1000);`,
    );
    backend.markReady();
    process.kill(Number(await line), "SIGKILL");
    const error = await backend.gone;
    expect(error).toMatchObject({
      code: "backend_exited",
      remedy: expect.stringContaining("memory"),
    });
    expect(error.message).toContain("killed by SIGKILL");
  });

  it("kills one that does not heed SIGTERM, and stops once however often it is asked", async () => {
    const { backend, directory, line } = startAndListen(STUBBORN);
    const pid = Number(await line);
    await Promise.all([backend.stop(), backend.stop()]);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(directory)).toBe(false);
    await backend.stop();
  });

  it("does not wait for a stderr that a grandchild keeps open", async () => {
    const { backend } = start(
      fakePython(`
        const { spawn } = require("node:child_process");
        const child = spawn("sleep", ["30"], { stdio: ["ignore", "ignore", "inherit"], detached: true });
        console.error("grandchild", child.pid);
        setTimeout(() => process.exit(1), 50);
      `),
    );
    const began = Date.now();
    const error = await backend.gone;
    expect(Date.now() - began).toBeLessThan(20_000);
    const [, grandchild] = /grandchild (\d+)/.exec(error.message) ?? [];
    process.kill(Number(grandchild));
  });

  it("keeps only the end of a long log, and gives every line to its owner", async () => {
    const lines: string[] = [];
    const { backend } = start(
      fakePython(`for (let i = 0; i < 500; i++) console.error("line " + i); process.exitCode = 1;`),
      { onLog: (line) => lines.push(line) },
    );
    await backend.gone;
    expect(lines).toEqual(Array.from({ length: 500 }, (_, i) => `line ${i}`));
    expect(backend.lastLines).toEqual(lines.slice(-50));
  });

  it("holds its standard input open, which is how it learns that we are gone", async () => {
    const { backend, line } = startAndListen(`
      process.stdin.resume().on("end", () => console.error("ended"));
      console.error(process.pid);
    `);
    const pid = Number(await line);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(backend.lastLines).toEqual([String(pid)]);
    expect(isRunning(pid)).toBe(true);
  });
});
