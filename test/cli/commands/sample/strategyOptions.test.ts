import { describe, expect, it } from "@jest/globals";
import { sampleCommand, sampleNaming } from "../../../../src/cli/commands/sample/command.ts";
import {
  strategyOf,
  type NamedStrategyFlags,
  type StrategyFlags,
} from "../../../../src/cli/commands/sample/strategyOptions.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { compilePlan, type Strategy } from "../../../../src/sampler/index.ts";

const plateau = { tOn: 0.55, tOff: 0.05, alphaOn: 0.9 };

describe("a name and its flags become a strategy with every option said", () => {
  it.each<[string, StrategyFlags, Strategy]>([
    ["mdlm", {}, { kind: "mdlm" }],
    ["forward-backward", {}, { kind: "forward-backward" }],
    ["dfm", {}, { kind: "dfm" }],
    ["remdm-conf", {}, { kind: "remdm-conf" }],
    ["remdm-cap", {}, { kind: "remdm-cap", eta: 0.008 }],
    ["remdm-cap", { eta: 0.1 }, { kind: "remdm-cap", eta: 0.1 }],
    ["remdm-cap", { etaCap: 0.1 }, { kind: "remdm-cap", eta: 0.1 }],
    ["remdm-rescale", {}, { kind: "remdm-rescale", eta: 0.015 }],
    ["remdm-rescale", { etaRescale: 0.3 }, { kind: "remdm-rescale", eta: 0.3 }],
    ["remdm-loop", {}, { kind: "remdm-loop", eta: 0.02, ...plateau }],
    [
      "remdm-loop",
      { eta: 0.01, tOn: 0.6, tOff: 0.1, alphaOn: 0.8 },
      { kind: "remdm-loop", eta: 0.01, tOn: 0.6, tOff: 0.1, alphaOn: 0.8 },
    ],
    ["remdm-max", {}, { kind: "remdm" }],
    [
      "remdm-max+switch",
      { tSwitch: 0.3 },
      { kind: "remdm", window: { kind: "switch", tSwitch: 0.3 } },
    ],
    [
      "remdm-conf+loop",
      {},
      { kind: "remdm", confidence: true, window: { kind: "loop", ...plateau } },
    ],
    [
      "remdm-cap+loop",
      { eta: 0.05 },
      { kind: "remdm", cap: 0.05, window: { kind: "loop", ...plateau } },
    ],
    ["remdm-max+rescale", { eta: 0.2 }, { kind: "remdm", rescale: 0.2 }],
    [
      "remdm-cap+rescale+conf+loop",
      { etaCap: 0.1, etaRescale: 0.2, tOn: 0.7 },
      {
        kind: "remdm",
        cap: 0.1,
        rescale: 0.2,
        confidence: true,
        window: { kind: "loop", ...plateau, tOn: 0.7 },
      },
    ],
    ["remdm-rescale+cap", {}, { kind: "remdm", cap: 0.008, rescale: 0.015 }],
  ])("%s %j", (name, flags, strategy) => {
    const result = strategyOf(name, flags);
    expect(result).toEqual(strategy);
    expect(() => compilePlan(result, 8)).not.toThrow();
  });

  it.each<Strategy>([
    { kind: "remdm-cap" },
    { kind: "remdm-rescale" },
    { kind: "remdm-loop" },
    { kind: "remdm", window: { kind: "switch" } },
    { kind: "remdm", window: { kind: "loop" } },
  ])("the defaults are the library's: %j", (bare) => {
    const name =
      bare.kind === "remdm" ? `remdm-max+${bare.window?.kind ?? "no window"}` : bare.kind;
    expect(compilePlan(strategyOf(name, {}), 40)).toEqual(compilePlan(bare, 40));
  });
});

describe("bad usage is named", () => {
  it.each<[string, StrategyFlags, string]>([
    ["mdlm", { eta: 0.1 }, "--eta is not an option of the strategy mdlm"],
    ["remdm-conf", { tOn: 0.5 }, "--t-on is not an option of the strategy remdm-conf"],
    ["remdm-cap", { tSwitch: 0.5 }, "--t-switch is not an option"],
    ["remdm-cap", { etaRescale: 0.5 }, "--eta-rescale is not an option"],
    ["remdm-cap", { eta: 0.5, etaCap: 0.5 }, "--eta and --eta-cap say the same thing"],
    ["remdm-max+loop", { eta: 0.1 }, "--eta is not an option"],
    ["remdm-cap+rescale", { eta: 0.1 }, "--eta is not an option"],
    ["remdm-cap+switch", { tOn: 0.1 }, "--t-on is not an option"],
    ["remdm-max+cap", {}, "max is to have no cap"],
    ["remdm-conf+loop+switch", {}, "one window"],
    ["remdm-switch", {}, "nothing that remasks"],
    ["remdm-cap+cap", {}, "There is no strategy"],
    ["remdm-cap+foo", {}, "There is no strategy"],
    ["remdm-", {}, "There is no strategy"],
    ["remdm", {}, "There is no strategy"],
    ["cap+loop", {}, "There is no strategy"],
    ["constructor", {}, "There is no strategy"],
  ])("%s %j", (name, flags, message) => {
    expect(() => strategyOf(name, flags)).toThrow(UsageError);
    expect(() => strategyOf(name, flags)).toThrow(message);
  });
});

describe("an option without a flag", () => {
  const loop = ["window=loop", "window.tOn=0.6"];
  it.each<[string, string[], object]>([
    ["confidence", ["of=drawn"], { of: "drawn" }],
    ["confidence", loop, { window: { kind: "loop", tOn: 0.6 } }],
    ["confidence", [...loop].reverse(), { window: { kind: "loop", tOn: 0.6 } }],
    ["confidence", [...loop, "window.tOn=0.7"], { window: { kind: "loop", tOn: 0.7 } }],
    ["random", ["window=switch"], { window: { kind: "switch" } }],
    ["psi", ["low=capped", "low.eta=0.2"], { low: { kind: "capped", eta: 0.2 } }],
  ])("of %s: %j", (name, strategyOption, options) => {
    expect(strategyOf(name, { strategyOption })).toEqual({ ...strategyOf(name, {}), ...options });
  });

  const windows =
    "window (switch with window.tSwitch; loop with window.tOn, window.tOff, window.alphaOn).";
  it.each<[string, object, string, string]>([
    [
      "confidence",
      { tau: 0.5 },
      "--tau is not an option of the strategy confidence",
      "Its options are --order-temperature, --eta-cap, --eta-rescale. " +
        `With --strategy-option it takes of, scale, anneal, pace, counts, confidence, ${windows}`,
    ],
    [
      "confidence",
      { tOn: 0.6, strategyOption: ["window=loop"] },
      "--t-on is not an option of the strategy confidence",
      windows,
    ],
    ["rcr", { eta: 1 }, "--eta is not", "With --strategy-option it takes of."],
    ["mdlm", { eta: 1 }, "--eta is not", "Leave it out: this strategy has none."],
    [
      "margin",
      { strategyOption: ["window=switch", "window.tOn=0.6"] },
      "--strategy-option window.tOn=0.6 names no option of the strategy margin",
      windows,
    ],
    ["margin", { strategyOption: ["window.tOn=0.6"] }, "window.tOn=0.6 names no option", windows],
    ["margin", { strategyOption: ["pace.a=even"] }, "pace.a=even names no option", windows],
  ])("%s %j is refused with what to type", (name, flags, message, remedy) => {
    expect(() => strategyOf(name, flags)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        remedy: expect.stringContaining(remedy),
      }),
    );
  });
});

describe("the library's options under the command line's names", () => {
  it.each<[string, NamedStrategyFlags, string]>([
    ["strategy.window.tOn", { strategyOption: ["window=loop"] }, "--strategy-option window.tOn"],
    ["strategy.window.kind", { strategyOption: ["window=lop"] }, "--strategy-option window"],
    ["strategy.of", { strategyOption: ["of=x"] }, "--strategy-option of"],
    ["strategy.eta", {}, "--eta"],
    ["strategy.window.tOn", {}, "--t-on"],
    ["strategy.cap", {}, "--eta"],
    ["strategy.cap", { etaCap: 3 }, "--eta-cap"],
    ["strategy.rescale", { etaRescale: 3 }, "--eta-rescale"],
    ["topP", {}, "--top-p"],
    ["batchSize", {}, "--batch-size"],
    ["length", {}, "--length"],
  ])("%s %j is %s", (option, flags, flag) => {
    expect(sampleNaming(sampleCommand(), flags).nameOf(option)).toBe(flag);
  });
});
