import { describe, expect, it } from "@jest/globals";
import { tokenEntropy } from "../../../src/evaluation/measures/entropy.ts";
import { readGolden } from "../../support/golden.ts";

describe("the entropy of a sequence's tokens", () => {
  it("is 0 for one token throughout and log L for all different", () => {
    expect(tokenEntropy([5, 5, 5])).toBe(0);
    expect(tokenEntropy(Int32Array.of(1, 2, 3, 4))).toBeCloseTo(Math.log(4), 14);
  });

  it("is 0 for an empty sequence", () => {
    expect(tokenEntropy([])).toBe(0);
  });
});

interface Run {
  readonly sampler: string;
  readonly seed: number;
  readonly tokens: number[][];
  readonly entropy: number[];
}

describe("the original's entropies", () => {
  const groups = readGolden("end2end") as { model: string; cases: Run[] }[];
  const runs = groups.flatMap(({ model, cases }) => cases.map((run) => [model, run] as const));
  it.each(runs.map(([model, run]) => [`${model} ${run.sampler} ${run.seed}`, run] as const))(
    "of %s",
    (_, { tokens, entropy }) => {
      expect(tokens.length).toBe(entropy.length);
      tokens.forEach((sequence, b) => {
        expect(Math.abs(tokenEntropy(sequence) - entropy[b])).toBeLessThan(1e-5);
      });
    },
  );
});
