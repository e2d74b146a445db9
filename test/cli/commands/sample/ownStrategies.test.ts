/** `--strategy ./mine.js#name`: flags and `--strategy-option` become its options, and mistakes are named as flags. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "@jest/globals";
import {
  ownStrategy,
  type OwnStrategyFlags,
} from "../../../../src/cli/commands/sample/strategyOptions.ts";
import { main } from "../../../../src/cli/program.ts";
import { packageRoot } from "../../../../src/foundation/packageRoot.ts";
import { inProject } from "../../support/inProject.ts";

const SAMPLER = pathToFileURL(join(packageRoot, "src/sampler/index.ts")).href;
const MODULE = `import { defineStrategy, posterior } from ${JSON.stringify(SAMPLER)};
const shared = { source: "s", summary: "s", transition: (_, step) => posterior(step, 0) };
const number = { type: "number", range: "[0, 1]", help: "h" };
export const mine = defineStrategy({ ...shared, kind: "mine", options: {
  eta: { ...number, default: 0.1 },
  steps: { type: "integer", default: 2, range: "[1, 9]", help: "h" },
  late: { type: "flag", default: false, help: "h" },
  order: { type: "choice", choices: ["up", "2"], help: "h" },
  when: { type: "variant", help: "h", variants: { always: {}, late: { t: { ...number, default: 0.5 } } } },
} });
export const bare = defineStrategy({ ...shared, kind: "bare" });
export const cap = defineStrategy({ ...shared, kind: "remdm-cap" });
export const wild = defineStrategy({ ...shared, kind: "wild",
  transition: () => ({ reveal: -1, remask: 0 }) });
`;

const said = inProject(MODULE);

const MINE = "./mine.js#mine";

describe("the options are", () => {
  const defaults = { kind: "mine", eta: 0.1, steps: 2, late: false, order: "up" };
  it.each<[OwnStrategyFlags, object]>([
    [{}, {}],
    [{ eta: 0.3 }, { eta: 0.3 }],
    [{ strategyOption: ["eta=0.4"] }, { eta: 0.4 }],
    // What is said for this strategy alone counts.
    [
      { eta: 0.3, strategyOption: ["eta=0.4", "steps=3"] },
      { eta: 0.4, steps: 3 },
    ],
    [{ strategyOption: ["eta=1e-3"] }, { eta: 0.001 }],
    [{ strategyOption: ["late=true"] }, { late: true }],
    [{ strategyOption: ["late=false"] }, {}],
    [{ strategyOption: ["order=2"] }, { order: "2" }],
    [{ strategyOption: ["steps=2", "steps=5"] }, { steps: 5 }],
    [{ strategyOption: ["when=always"] }, { when: { kind: "always" } }],
    [{ strategyOption: ["when=late", "when.t=0.2"] }, { when: { kind: "late", t: 0.2 } }],
  ])("%j", async (flags, options) => {
    const strategy = await ownStrategy({ strategy: MINE, ...flags });
    expect(strategy).toEqual({ ...defaults, ...options });
  });

  it("of a strategy that is built in: none of this", async () => {
    expect(await ownStrategy({ strategy: "remdm-cap", eta: 0.1 })).toBeUndefined();
    expect(await ownStrategy({})).toBeUndefined();
  });
});

describe("remdm sample", () => {
  async function run(...args: string[]): Promise<unknown> {
    process.exitCode = undefined;
    await main(["sample", ...args]);
    const code = process.exitCode;
    process.exitCode = undefined;
    return code;
  }
  const option = (...pairs: string[]) => pairs.flatMap((pair) => ["--strategy-option", pair]);

  it.each<[string[], string]>([
    [["--strategy", "./none.js"], "There is nothing at"],
    [["--strategy", "./mine.js"], 'mine.js has no export named "default"'],
    [["--strategy", "./mine.js#other"], "Name one of its exports: bare, cap, mine, wild."],
    [["--strategy", "./mine.js#cap"], "a name that no built-in strategy has"],
    [["--strategy", MINE, "--predictor", "ddpm"], "--predictor is for built-in strategies"],
    [["--strategy", "mdlm", ...option("eta=1")], "eta=1 names no option of the strategy mdlm"],
    [option("eta=1"), "--strategy-option eta=1 says what --eta says"],
    [["--strategy", "confidence", ...option("cap=1")], "cap=1 says what --eta-cap says"],
    [
      ["--strategy", "confidence", ...option("of=best")],
      'of must be "likeliest" or "drawn"; got "b',
    ],
    [["--strategy", "confidence", ...option("counts=1,x")], "counts must be a list of integers in"],
    [
      ["--strategy", "confidence", ...option("counts=1,,2")],
      '--strategy-option counts must be a list of integers in [0, Infinity), one at least; entry 2 of 3 is ""',
    ],
    [["--strategy", "confidence", ...option("constructor=1")], "constructor=1 names no option of"],
    [["--strategy", MINE, ...option("__proto__=1")], "__proto__=1 names no option of the strategy"],
    [["--strategy", "margin", ...option("anneal=no")], 'anneal must be true or false; got "no"'],
    [
      ["--strategy", "margin", ...option("window=lop")],
      "--strategy-option window must be one of switch, loop",
    ],
    [
      ["--strategy", "margin", ...option("window=loop", "window.tOn=0.01")],
      "--strategy-option window.tOn must be a number in (tOff, 1), with tOff = 0.05; got 0.01",
    ],
    [
      ["--strategy", MINE, ...option("when=late", "when.t=2")],
      "--strategy-option when.t must be a number in [0, 1]; got 2",
    ],
    [["--strategy", "threshold", "--steps", "4"], "threshold takes as many as its rows need"],
    [["--strategy", "threshold", "--tau", "1.5"], "--tau must be a number in [0, 1]; got 1.5"],
    [["--strategy", "factor", "--factor", "-1"], "--factor must be a number in [0, Infinity)"],
    [["--strategy", "editing"], "was not trained to judge revealed tokens"],
    [
      ["--strategy", "margin", "--steps", "3", ...option("counts=1,2")],
      "--steps must be 2 or left out: the options of margin say so; got 3",
    ],
    [["--strategy", MINE, "--t-on", "0.5"], "--t-on is not an option of the strategy mine"],
    [["--strategy", "./mine.js#bare", "--eta", "0.5"], "Leave it out: this strategy has none."],
    [["--strategy", MINE, ...option("eta")], "--strategy-option eta has no value"],
    [["--strategy", MINE, ...option("=1")], "--strategy-option =1 names no option of the strategy"],
    [["--strategy", MINE, ...option("toString=1")], "its options are eta, steps, late, order, "],
    [["--strategy", MINE, "--eta", "2"], "--eta must be a number in [0, 1]; got 2"],
    [
      ["--strategy", MINE, ...option("eta=2")],
      "--strategy-option eta must be a number in [0, 1]; got 2",
    ],
    [
      ["--strategy", MINE, ...option("eta=")],
      "--strategy-option eta must be a number in [0, 1]; g",
    ],
    [["--strategy", MINE, ...option("eta=x")], 'eta must be a number in [0, 1]; got "x"'],
    // Not --steps, which means something else.
    [
      ["--strategy", MINE, ...option("steps=0")],
      "--strategy-option steps must be an integer in [1, 9]; got 0",
    ],
    [
      ["--strategy", MINE, ...option("late=yes")],
      '--strategy-option late must be true or false; got "yes"',
    ],
    [
      ["--strategy", MINE, ...option("order=down")],
      '--strategy-option order must be "up" or "2"; got "down"',
    ],
    [["--strategy", MINE, "--steps", "0"], "error: --steps must be an integer in [1, 1000000]"],
    [["--strategy", MINE, "--executor", "dense"], "one that the original's code has"],
    [["--strategy", MINE, "--checkpoint", "demo-ar"], "must be ar for a model of kind ar"],
  ])("%j", async (args, message) => {
    expect(await run(...args)).toBe(2);
    expect(said()).toContain(message);
    expect(said()).not.toContain("This should not happen");
    expect(said()).not.toContain("must be undefined");
  });

  it("chances that are none are the strategy's fault, and nothing starts", async () => {
    expect(await run("--strategy", "./mine.js#wild")).toBe(1);
    expect(said()).toContain("The strategy wild gives -1 as the chance of a reveal in step 0");
    expect(said()).toContain("Let its transition return reveal in [0, 1].");
  });

  it("what is right gets as far as Python", async () => {
    expect(await run("--strategy", MINE, "--eta", "0.2", ...option("late=true"))).toBe(1);
    expect(said()).toContain("/not/there");
  });
});
