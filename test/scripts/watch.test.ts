/** How a runner is watched. Time is faked where it matters; the runners are real processes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { STILL_RUNNING } from "../../scripts/testing/runningReporter.mjs";
import { watch } from "../../scripts/testing/watch.mjs";

function run(script: string) {
  return watch(process.execPath, ["-e", script], { cwd: process.cwd(), env: process.env });
}

it("passes the exit code on", async () => {
  expect(await run("process.exit(5)")).toEqual({ code: 5, complaint: "" });
});

it("ends a jest that leaked a handle, and complains though it would exit with 0", async () => {
  const write = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    const hanging =
      'console.error("Jest did not exit one second after the test run has completed."); setInterval(() => {}, 1000)';
    expect(await run(hanging)).toEqual({
      code: null,
      complaint: expect.stringContaining("did not exit"),
    });
    expect(write.mock.calls.flat().join("")).toContain("Jest did not exit");
  } finally {
    write.mockRestore();
  }
});

describe("a runner that says nothing for a while", () => {
  /** Says a line, waits until the file is there, says half a line, waits until the file is gone, and ends. */
  const SCRIPT = `
    const { existsSync } = require("node:fs");
    const file = process.env.SIGNAL;
    const when = (there, then) => {
      const timer = setInterval(() => {
        if (existsSync(file) !== there) return;
        clearInterval(timer);
        then();
      }, 10);
    };
    process.stdout.write("tests/test_a.py .. [ 3%]\\n");
    when(true, () => {
      process.stdout.write("tests/test_b.py .");
      when(false, () => {});
    });`;

  let scratch = "";
  let passed = "";
  let said: string[] = [];
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "remdm-watch-"));
    passed = "";
    said = [];
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
    jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      passed += String(text);
      return true;
    });
    jest.spyOn(process.stderr, "write").mockImplementation((text) => {
      said.push(String(text));
      return true;
    });
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
    rmSync(scratch, { recursive: true });
  });

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }

  it("is shown every 30 seconds, with its last line, which names the file that pytest is in", async () => {
    const signal = join(scratch, "signal");
    const env = { ...process.env, SIGNAL: signal };
    const end = watch(process.execPath, ["-e", SCRIPT], { cwd: scratch, env });

    jest.advanceTimersByTime(30_000);
    expect(said).toEqual(["\nsilent for 30 s after: its start\n"]);
    await until(() => passed.includes("test_a"));
    jest.advanceTimersByTime(29_000);
    writeFileSync(signal, "");
    await until(() => passed.includes("test_b"));
    jest.advanceTimersByTime(29_000);
    expect(said).toHaveLength(1);
    jest.advanceTimersByTime(31_000);
    expect(said.slice(1)).toEqual([
      "\nsilent for 30 s after: tests/test_b.py .\n",
      "\nsilent for 1 min 0 s after: tests/test_b.py .\n",
    ]);
    rmSync(signal);
    expect(await end).toEqual({ code: 0, complaint: "" });
    jest.advanceTimersByTime(60_000);
    expect(said).toHaveLength(3);
  });
});

it("lines of jest's reporter are no sign of life: what is stuck is ended after 10 minutes", async () => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
  const lines: string[] = [];
  jest.spyOn(process.stderr, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  try {
    const stuck = `setInterval(() => console.error(${JSON.stringify(`${STILL_RUNNING}a (9 s)`)}), 5)`;
    const end = watch(process.execPath, ["-e", stuck], { cwd: process.cwd(), env: process.env });
    const heard = () => lines.filter((line) => line.startsWith(STILL_RUNNING)).length;
    while (heard() === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let minute = 0; minute < 10; minute++) {
      const before = heard();
      jest.advanceTimersByTime(60_000);
      while (minute < 9 && heard() === before)
        await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await end).toEqual({ code: null, complaint: expect.stringContaining("10 minutes") });
  } finally {
    jest.restoreAllMocks();
    jest.useRealTimers();
  }
});
