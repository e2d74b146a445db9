/** `--guide ./mine.js#name` and the flags beside it become the library's guide; mistakes are named as flags. */
import { describe, expect, it } from "@jest/globals";
import {
  guideOf,
  loadReward,
  type GuideFlags,
} from "../../../../src/cli/commands/sample/guideOptions.ts";
import { main } from "../../../../src/cli/program.ts";
import { inProject } from "../../support/inProject.ts";

const MODULE = `export const length = ({ tokens }, tokenizer) => tokenizer.decode(tokens).length;
export default () => 1;
export const broken = () => { throw new Error("not today"); };
export const text = "reward";
`;
const tokenizer = { name: "t", vocabSize: 8, encode: async () => [1], decode: () => "abc" };
const TEXT = { tokens: Int32Array.of(1), maskId: 7, finished: true };

const said = inProject(MODULE);

describe("the reward", () => {
  const load = (guide: string) => loadReward({ guide, particles: 2 });

  it("is an export, and is handed the tokenizer", async () => {
    expect((await load("./mine.js#length"))?.(TEXT, tokenizer)).toBe(3);
    expect((await load("./mine.js"))?.(TEXT, tokenizer)).toBe(1);
    expect(await loadReward({})).toBeUndefined();
  });

  it("that throws is named", async () => {
    const reward = await load("./mine.js#broken");
    expect(() => reward?.(TEXT, tokenizer)).toThrow(
      expect.objectContaining({
        code: "reward_invalid",
        message: "The reward ./mine.js#broken failed: not today",
      }),
    );
  });
});

it("flags become the options of the guide", () => {
  const reward = () => 0;
  expect(guideOf({ guide: "./mine.js", particles: 4 }, reward)).toEqual({ reward, particles: 4 });
  const all: Omit<GuideFlags, "guide"> = {
    ...{ particles: 4, method: "smc", strength: 2, every: 3 },
    ...{ resampleBelow: 0.1, resampling: "residual" },
  };
  expect(guideOf({ guide: "./mine.js", ...all }, reward)).toEqual({ reward, ...all });
  expect(guideOf({}, undefined)).toBeUndefined();
});

describe("remdm sample", () => {
  async function run(line: string): Promise<unknown> {
    process.exitCode = undefined;
    await main(["sample", ...line.split(" ")]);
    const code = process.exitCode;
    process.exitCode = undefined;
    return code;
  }

  it.each([
    ["--particles 4", "--particles is for a run with a guide, and there is no --guide"],
    [
      "--resample-below 0.4",
      "Name a reward, as in --guide ./mine.js#reward, or leave --resample-b",
    ],
    ["--guide ./mine.js", "--particles 8."],
    ["--guide ./none.js --particles 4", "There is nothing at "],
    [
      "--guide king --particles 4",
      "--guide takes a file and one of its exports, ./mine.js#reward.",
    ],
    [
      "--guide ./mine.js#a --particles 4",
      "Name one of its exports: broken, default, length, text.",
    ],
    ["--guide ./mine.js#text --particles 4", "mine.js is not a function"],
    ["--guide ./mine.js --particles 1", "--particles must be an integer in [2, "],
    [
      "--guide ./mine.js --particles 4 --every 0",
      "--every must be an integer of at least 1; got 0",
    ],
    [
      "--guide ./mine.js --particles 4 --strength -1",
      "--strength must be a number in [0, Infinity)",
    ],
    [
      "--guide ./mine.js --particles 4 --resample-below 2",
      "--resample-below must be a number in [0, 1]; got 2",
    ],
    [
      "--guide ./mine.js --particles 4 --method best-of-n --strength 2",
      "--strength must be left out with the method best-of-n, which weighs once",
    ],
    ["--guide ./mine.js --particles 4 --method x", "Allowed choices are smc, best-of-n."],
    ["--guide ./mine.js --particles 4 --executor dense", "--guide must be left out with "],
    ["--guide ./mine.js --particles 4 --checkpoint demo-ar", "--guide must be left out with an ar"],
    ["--guide ./mine.js --particles 4 --stride 4 --strides 2", "--guide must be left out with"],
  ])("%s is refused", async (line, message) => {
    expect(await run(line)).toBe(2);
    expect(said()).toContain(message);
    expect(said()).not.toContain("must be undefined");
  });

  it("what is right gets as far as Python", async () => {
    expect(await run("--guide ./mine.js#length --particles 4")).toBe(1);
    expect(said()).toContain("/not/there");
  });
});
