import { describe, expect, it } from "@jest/globals";
import { InOrder } from "../../../../src/cli/commands/sample/inOrder.ts";
import {
  closing,
  commandOf,
  suggestion,
  type Tried,
} from "../../../../src/cli/commands/sample/sayings.ts";
import { readSeed } from "../../../../src/cli/usage.ts";

describe("a random seed", () => {
  it("is another one each time, and can be typed", () => {
    const seeds = Array.from({ length: 20 }, () => readSeed("random"));
    expect(new Set(seeds).size).toBeGreaterThan(15);
    for (const seed of seeds) {
      expect(seed).toBeLessThan(2n ** 32n);
      expect(readSeed(String(seed))).toBe(seed);
    }
    expect(() => readSeed("any")).toThrow("or random");
  });
});

it("what a run took is said with words in the right number", () => {
  const told = (
    samples: number,
    forwardCalls: number,
    forwardRows: number,
    steps?: number,
    rounds = forwardCalls,
  ) => {
    const tokens = Array.from({ length: samples }, () => []);
    const stats = {
      rounds,
      sequences: 1,
      seconds: 1.25,
      forwardCalls,
      forwardRows,
      steps: 8,
      tokensPerForward: 2.25,
    };
    return closing({ tokens, stats }, steps);
  };
  expect(told(1, 1, 1, 1)).toBe(
    "1 sample in 1.3 s: 1 step, 1 forward call, 1 row of logits, 2.25 tokens per forward",
  );
  expect(told(2, 3, 40, 8)).toBe(
    "2 samples in 1.3 s: 8 steps, 3 forward calls, 40 rows of logits, 2.25 tokens per forward",
  );
  expect(told(1, 40, 90, 8, 9)).toBe(
    "1 sample in 1.3 s: 8 steps, 40 forward calls in 9 rounds, 90 rows of logits, 2.25 tokens per forward",
  );
  expect(told(1, 4, 4)).toBe(
    "1 sample in 1.3 s: 4 forward calls, 4 rows of logits, 2.25 tokens per forward",
  );
});

describe("what to try next", () => {
  const tried: Tried = {
    kind: "mdlm",
    checkpoint: "demo",
    command: "npm start --",
    options: { strategy: { kind: "remdm-loop" } },
  };
  it.each<[string, Partial<Tried>, string]>([
    ["a prompt", {}, 'npm start -- --prompt "ROMEO:" --seed random'],
    [
      "of the same model",
      { kind: "ar", checkpoint: "demo-ar", options: { strategy: { kind: "ar" } } },
      'npm start -- --checkpoint demo-ar --prompt "ROMEO:" --seed random',
    ],
    [
      "what it is like without remasking",
      { options: { ...tried.options, prompt: "A" } },
      "npm start -- --strategy mdlm, which remasks nothing",
    ],
    [
      "several, kept in a file",
      { options: { strategy: { kind: "mdlm" }, prompt: "A" }, command: "npx remdm sample" },
      "npx remdm sample --samples 4 --out samples.jsonl",
    ],
    [
      "others",
      { kind: "sedd", checkpoint: "x.ckpt", options: { samples: 3 } },
      "npm start -- --checkpoint x.ckpt --seed random",
    ],
  ])("%s", (_, changes, line) => {
    const said = suggestion({ ...tried, ...changes });
    expect(said).toBe(`Next: ${line}`);
    expect(said.length).toBeLessThan(80);
  });

  it("as the program was started", () => {
    expect(commandOf({ npm_lifecycle_event: "start" })).toBe("npm start --");
    expect(commandOf({})).toBe("npx remdm sample");
  });
});

describe("samples are shown in order of their number", () => {
  it("each as soon as all before it were", () => {
    const order = new InOrder<string>(0);
    expect(order.add(2, "c")).toEqual([]);
    expect(order.add(0, "a")).toEqual(["a"]);
    expect(order.add(1, "b")).toEqual(["b", "c"]);
    expect(order.rest()).toEqual([]);
  });

  it("and when no more come, those that waited, once", () => {
    const order = new InOrder<string>(3);
    for (const number of [7, 5]) expect(order.add(number, String(number))).toEqual([]);
    expect(order.rest()).toEqual(["5", "7"]);
    expect(order.rest()).toEqual([]);
  });
});
