/** The frame of every command: what becomes of a job's end, however it ends. */
import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { runCommand, type Session } from "../../src/cli/runCommand.ts";
import { standardOutput } from "../../src/cli/standardOutput.ts";
import { UsageError } from "../../src/cli/usage.ts";
import { RemdmError } from "../../src/index.ts";

let said = "";
beforeEach(() => {
  said = "";
  jest.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    said += String(chunk);
    return true;
  });
});
afterEach(() => void jest.restoreAllMocks());

const failure = new RemdmError("It broke", { code: "output_failed", remedy: "Mend it." });

/** Never ends by itself. */
const aborted = ({ signal }: Session): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

it.each<[string, (session: Session) => Promise<void>, number, string]>([
  ["an end", async () => undefined, 0, ""],
  ["a failure", () => Promise.reject(failure), 1, "error: It broke\n  Mend it.\n"],
  ["bad usage", () => Promise.reject(new UsageError("No", "Do.")), 2, "error: No\n  Do.\n"],
  ["a code of its own", async ({ exitWith }) => exitWith(7), 7, ""],
  [
    "the worst of failures that it outlives",
    async ({ fail }) => {
      fail(new UsageError("No", "Do."));
      fail(failure);
    },
    2,
    "error: No\n  Do.\nerror: It broke\n  Mend it.\n",
  ],
])("%s", async (_, job, code, text) => {
  expect(await runCommand({}, job)).toBe(code);
  expect(said).toBe(text);
});

it("Ctrl-C ends it with 130, and with what the job has to say", async () => {
  const code = runCommand({}, async (session) => {
    session.onStopped((error) => `Stopped: ${String(error)}.`);
    setTimeout(() => process.emit("SIGINT", "SIGINT"), 10);
    await aborted(session);
  });
  expect(await code).toBe(130);
  expect(said).toBe("Stopped: Error: aborted.\n");
  expect(process.listenerCount("SIGINT")).toBe(0);
});

it("a job that sees to signals itself is left alone", async () => {
  const code = runCommand({ ownSignals: true }, async () => {
    expect(process.listenerCount("SIGINT")).toBe(0);
  });
  expect(await code).toBe(0);
});

it.each([
  ["EPIPE", undefined],
  ["ENOSPC", /^Standard output cannot be written: no space/],
])("standard output that takes no more (%s) ends the job without a word", async (name, message) => {
  standardOutput.open();
  const write = jest.spyOn(process.stdout, "write").mockReturnValue(true);
  const code = runCommand({}, async (session) => {
    session.print("a");
    process.stdout.emit("error", Object.assign(new Error("no space"), { code: name }));
    session.print("b");
    expect(session.signal.aborted).toBe(true);
    session.signal.throwIfAborted();
  });
  expect([await code, said]).toEqual([0, ""]);
  expect(write.mock.calls).toEqual([["a"]]);
  const reason = await standardOutput.failure();
  if (message === undefined) expect(reason).toBeUndefined();
  else expect(reason?.message).toMatch(message);
});

/** Sends a signal to the job alone: jest listens to it too. */
function press(signal: "SIGINT" | "SIGTERM"): void {
  process.listeners(signal).at(-1)?.(signal);
}

it("Ctrl-C ends a part of the job while there is one, and then the job", async () => {
  let ended = 0;
  const code = runCommand({}, async (session) => {
    session.endPartWith(() => ended++);
    press("SIGINT");
    press("SIGINT");
    expect([ended, session.signal.aborted]).toEqual([2, false]);
    session.endPartWith(undefined);
    press("SIGINT");
    expect([ended, session.signal.aborted]).toEqual([2, true]);
    session.signal.throwIfAborted();
  });
  expect(await code).toBe(130);
  expect(said).toBe("Stopped.\n");
});

it("SIGTERM ends the job, whatever part of it Ctrl-C would end", async () => {
  const code = runCommand({}, async (session) => {
    session.endPartWith(() => undefined);
    press("SIGTERM");
    session.signal.throwIfAborted();
  });
  expect(await code).toBe(143);
});
