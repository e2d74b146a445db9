import { describe, expect, it } from "@jest/globals";
import { CommanderError } from "commander";
import { failureOf } from "../../src/cli/failure.ts";
import { namingOf } from "../../src/cli/naming.ts";
import { sampleCommand } from "../../src/cli/commands/sample/command.ts";
import { UsageError } from "../../src/cli/usage.ts";
import { BackendError, OptionError } from "../../src/index.ts";

describe("exit codes and what is said", () => {
  it.each<[string, unknown, number, string]>([
    ["help", new CommanderError(0, "commander.helpDisplayed", ""), 0, ""],
    ["an unknown option", new CommanderError(1, "commander.unknownOption", "x"), 2, ""],
    ["bad usage", new UsageError("No", "Do."), 2, "error: No\n  Do.\n"],
    [
      "an option out of range",
      new OptionError("topP", 2, "a number in (0, 1]"),
      2,
      "error: --top-p must be a number in (0, 1]; got 2\n  Set --top-p to a number in (0, 1].\n",
    ],
    [
      "a failure",
      new BackendError("backend_exited", "It died", "Try again."),
      1,
      "error: It died\n  Try again.\n",
    ],
  ])("%s", (_, error, code, text) => {
    expect(failureOf(error, namingOf(sampleCommand()))).toEqual({ code, text });
  });

  it("a bug has no stack unless it is asked for", () => {
    const bug = new TypeError("x is undefined", { cause: new Error("deep") });
    const { code, text } = failureOf(bug);
    expect(code).toBe(1);
    expect(text).toContain("error: x is undefined");
    expect(text).not.toContain("    at ");
    process.env.REMDM_DEBUG = "1";
    try {
      expect(failureOf(bug).text).toMatch(/ {4}at .*caused by: Error: deep/s);
    } finally {
      delete process.env.REMDM_DEBUG;
    }
  });
});
