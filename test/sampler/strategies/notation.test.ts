/** Strategies by name: in programs as on the command line, and what a slip of the hand is answered with. */
import { describe, expect, it } from "@jest/globals";
import { compilePlan, prepare, type Strategy } from "../../../src/sampler/index.ts";
import { strategyNamed } from "../../../src/sampler/strategies/notation.ts";
import { UsageError } from "../../../src/cli/usage.ts";

const MODEL = { vocabSize: 8, maskId: 7, length: 16, timeConditioning: false };
const SPEAKER = {
  nameOf: (setting: string) => setting,
  othersOf: () => "",
  refusal: (message: string, remedy: string) => new UsageError(message, remedy),
};

describe("a program names a strategy", () => {
  it.each<[string, Strategy]>([
    ["mdlm", { kind: "mdlm" }],
    ["fb", { kind: "forward-backward" }],
    ["remdm-loop", { kind: "remdm-loop" }],
    ["remdm-max", { kind: "remdm" }],
    [
      "remdm-cap+conf+loop",
      { kind: "remdm", cap: 0.008, confidence: true, window: { kind: "loop" } },
    ],
  ])("%s", (strategy, record) => {
    const { loop } = prepare({ strategy, steps: 12 }, MODEL);
    expect(loop).toEqual({ kind: "drawFirst", plan: compilePlan(record, 12) });
  });

  it("as any model's kind allows", () => {
    expect(() => prepare({ strategy: "mdlm" }, { ...MODEL, kind: "ar", bosId: 0 })).toThrow(
      expect.objectContaining({
        option: "strategy",
        message: 'strategy must be ar for a model of kind ar; got "mdlm"',
        remedy: "Set strategy to ar for a model of kind ar.",
      }),
    );
  });

  it("and an unknown one is an error like any other", () => {
    expect(() => prepare({ strategy: "remdm-lop" }, MODEL)).toThrow(
      expect.objectContaining({
        code: "option_invalid",
        option: "strategy",
        value: "remdm-lop",
        message: 'There is no strategy "remdm-lop"',
        remedy: expect.stringMatching(/^Did you mean remdm-loop\? Use mdlm, /),
      }),
    );
  });
});

describe("what is nearly a name has its name suggested", () => {
  const remedyOf = (name: string): string => {
    try {
      strategyNamed(name, {}, SPEAKER);
    } catch (error) {
      return error instanceof UsageError ? error.remedy : String(error);
    }
    return "it is a name";
  };

  it.each([
    ["remdm-lop", "remdm-loop"],
    ["loop", "remdm-loop"],
    ["ReMDM-Loop", "remdm-loop"],
    ["remdm_loop", "remdm-loop"],
    ["remdmloop", "remdm-loop"],
    ["cap", "remdm-cap"],
    ["MDLM", "mdlm"],
    ["ddim", "ddpm"],
    ["FB", "fb"],
    ["forward_backward", "forward-backward"],
    ["cap+loop", "remdm-cap+loop"],
    ["remdm-cap+cnf+lop", "remdm-cap+conf+loop"],
    ["remdm-resale+switch", "remdm-rescale+switch"],
  ])("%s: %s", (name, meant) => {
    const remedy = remedyOf(name);
    const [, suggestion = ""] = /^Did you mean (\S+)\?/.exec(remedy) ?? [];
    expect(suggestion).toBe(meant);
  });

  it.each(["", "x", "nonsense", "constructor", "remdm-", "remdm-cap+cap", "remdm-foo+loop"])(
    "and %j, which is near to nothing, has none",
    (name) => {
      expect(remedyOf(name)).toMatch(/^Use mdlm, /);
    },
  );
});
