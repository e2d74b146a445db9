import { describe, expect, it } from "@jest/globals";
import { diagnose, problemOf } from "../../scripts/setup/diagnose.mjs";
import { requireSpace } from "../../scripts/setup/disk.mjs";
import { SetupProblem } from "../../scripts/setup/problem.mjs";

describe("what a failed npm or pip run means", () => {
  it.each([
    ["npm error code ENOTFOUND\nnpm error network request failed", "cannot be reached", "network"],
    ["npm error code EAI_AGAIN", "cannot be reached", "network"],
    [
      "NewConnectionError: Failed to establish a new connection\nERROR: No matching distribution found for torch==2.13.0",
      "cannot be reached",
      "network",
    ],
    ["npm error code ENOSPC", "the disk is full", "Free"],
    ["OSError: [Errno 28] No space left on device", "the disk is full", "Free"],
    ["[Errno 13] Permission denied: '/x'", "cannot be written", "permissions"],
    ["error: externally-managed-environment", "belongs to the operating system", "REMDM_PYTHON"],
    ["SSL: CERTIFICATE_VERIFY_FAILED", "certificate", "PIP_CERT"],
    ["ERROR: No matching distribution found for torch==2.13.0", "no build", "3.10 to 3.14"],
    // All that pip says without network when it is told not to try again (retries = 0).
    ["ERROR: No matching distribution found for numpy", "was not reached", "can be reached"],
    ["npm error Missing: foo@1 from lock file", "package-lock.json", "git"],
    ["/x/python: No module named pip", "lacks pip", "python3-venv"],
  ])("%s", (output, message, remedy) => {
    const problem = diagnose("Installing", output, "exit code 1");
    expect(problem.message).toContain(message);
    expect(problem.remedy).toContain(remedy);
  });

  it("anything else is shown, with its last words and its exit", () => {
    const problem = diagnose("Installing", "one\n\nsomething odd\n", "exit code 7");
    expect(problem.message).toBe("Installing failed (exit code 7).");
    expect(problem.details).toBe("one\nsomething odd");
  });

  it("last words are few and short", () => {
    const long = Array.from({ length: 100 }, (_, i) => `${i}${"x".repeat(1000)}`).join("\n");
    const { details } = diagnose("Installing", long, "exit code 1");
    expect(details.split("\n").length).toBeLessThan(20);
    expect(details.length).toBeLessThan(5000);
    expect(details).toContain("99x");
  });

  it("a file error is a problem, a bug is not", () => {
    const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), {
      code: "EACCES",
    });
    expect(problemOf(denied)?.message).toContain("cannot be written");
    expect(problemOf(new TypeError("x is not a function"))).toBeNull();
  });
});

describe("room on the disk", () => {
  const gigabytes = (free: number) => () => ({ bavail: free * 1e6, bsize: 1000 });

  it("is looked for before anything is fetched", () => {
    expect(() => requireSpace("/tmp/not/there", 2.5e9, "PyTorch", gigabytes(1))).toThrow(
      new SetupProblem("PyTorch needs about 2.5 GB of disk, and /tmp has 1.0 GB left.", ""),
    );
  });

  it("is enough when there is enough", () => {
    expect(() => requireSpace("/tmp", 2.5e9, "PyTorch", gigabytes(3))).not.toThrow();
  });
});
