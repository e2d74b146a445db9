import { describe, expect, it } from "@jest/globals";
import { endedError } from "../../../src/backend/process/lastWords.ts";
import { LogTail } from "../../../src/backend/process/logTail.ts";

describe("endedError", () => {
  it.each([
    "remdm-backend: error {",
    "remdm-backend: error {}",
    'remdm-backend: error {"code":1,"message":"m","remedy":"r"}',
    'before remdm-backend: error {"code":"out_of_memory","message":"m","remedy":"r"}',
  ])("shows a line as it is that is no report: %s", (line) => {
    const error = endedError("python", { exitCode: 1 }, [line], false);
    expect(error).toMatchObject({ code: "backend_start_failed" });
    expect(error.message).toContain(line);
  });

  it("does not let the backend invent codes", () => {
    const line = 'remdm-backend: error {"code":"aborted","message":"m","remedy":"r"}';
    expect(endedError("python", { exitCode: 2 }, [line], false).code).toBe("backend_start_failed");
  });

  it("takes only the last line for a report", () => {
    const report = 'remdm-backend: error {"code":"out_of_memory","message":"m","remedy":"r"}';
    const error = endedError("python", { exitCode: 1 }, [report, "then something else"], false);
    expect(error.code).toBe("backend_start_failed");
  });

  it("says nothing of last words where there were none", () => {
    const { message } = endedError("python", { signal: "SIGSEGV" }, [], true);
    expect(message).toBe("The backend (python) ended (killed by SIGSEGV)");
  });
});

describe("LogTail", () => {
  it("cuts lines wherever the pieces of text end", () => {
    const lines: string[] = [];
    const tail = new LogTail((line) => lines.push(line));
    for (const piece of ["a", "b\nc", "\r\n\n", "d"]) tail.push(piece);
    expect(lines).toEqual(["ab", "c"]);
    tail.end();
    tail.end();
    expect(lines).toEqual(["ab", "c", "d"]);
  });

  it("does not grow with a line that never ends", () => {
    const tail = new LogTail();
    for (let i = 0; i < 100; i++) tail.push("x".repeat(1000));
    tail.push("\n");
    expect(tail.lines.map(({ length }) => length)).toEqual([10_000]);
  });
});
