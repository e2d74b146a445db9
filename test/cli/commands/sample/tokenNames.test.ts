/** What `--ban` and `--suppress` take for a token. */
import { describe, expect, it } from "@jest/globals";
import { sampleCommand } from "../../../../src/cli/commands/sample/command.ts";
import {
  checkFlags,
  samplingOptions,
} from "../../../../src/cli/commands/sample/samplingOptions.ts";
import { collectTokens } from "../../../../src/cli/commands/sample/tokenNames.ts";

const bare = {
  checkpoint: "demo",
  dtype: "float32",
  device: "auto",
  samples: 1,
  seed: 1n,
} as const;

describe("a token on the command line", () => {
  it.each<[string, number | string]>([
    ["7", 7],
    ["007", 7],
    ["50257", 50_257],
    ['"7"', "7"],
    ['"\\n"', "\n"],
    ['" the"', " the"],
    ["the", "the"],
    [" the", " the"],
    ["-1", "-1"],
    ["1.5", "1.5"],
    ["", ""],
    ['"', '"'],
    ['""', '""'],
    ['"a', '"a'],
  ])("%j is %j", (text, token) => {
    expect(collectTokens(text)).toEqual([token]);
    expect(collectTokens(text, [3])).toEqual([3, token]);
  });

  it.each(['"a"b"', '"\\x"'])("%j is nothing", (text) => {
    expect(() => collectTokens(text)).toThrow("a quoted text is read as JSON");
  });

  it("may be one of several, after one flag or more", () => {
    const command = sampleCommand();
    command.parseOptions(["--ban", "7", "the", "--ban", '"7"', "--suppress", "a"]);
    expect(command.opts()).toMatchObject({ ban: [7, "the", "7"], suppress: ["a"] });
  });
});

describe("flags", () => {
  it("become the library's options", () => {
    const flags = { ...bare, ban: [7, "a"], suppress: [3], guidance: 2, prompt: "A" };
    expect(samplingOptions(flags, "mdlm")).toMatchObject({
      banned: [7, "a"],
      suppressed: [3],
      guidance: 2,
      prompt: "A",
    });
    expect(samplingOptions(bare, "mdlm")).not.toHaveProperty("banned");
  });

  it.each<[object, string]>([
    [{ guidance: 1 }, "guidance needs a prompt"],
    [{ guidance: -1, prompt: "A" }, "guidance must be a number in"],
    [{ ban: ["a"], executor: "dense" }, 'undefined with executor: "dense"'],
    [{ suppress: ["a"] }, "with a strategy that draws first"],
    [{ checkpoint: "demo-sedd", suppress: ["a"] }, "with analytic, which ranks no position"],
    [{ checkpoint: "demo-ar", guidance: 1, prompt: "A" }, "for an ar model"],
  ])("are refused before a model is loaded: %j", (flags, message) => {
    expect(() => checkFlags({ ...bare, ...flags })).toThrow(message);
  });

  it("are taken where only the tokenizer can tell", () => {
    checkFlags({ ...bare, ban: ["a", 60_000], guidance: 1, prompt: "A" });
    checkFlags({ ...bare, strategy: "confidence", suppress: ["a"] });
    checkFlags({ ...bare, checkpoint: "demo-ar", ban: ["a", 3] });
  });
});
