/** What differs between two states is the same whether it is summed for one position or for all. */
import { expect, it } from "@jest/globals";
import { changesAround, changesEverywhere } from "../../../../src/sampler/loops/lookahead/guess.ts";

it("sums the same changes for every position as for each alone", () => {
  const a = Int32Array.from({ length: 200 }, (_, i) => i % 7);
  const b = a.map((token, i) => ([0, 3, 90, 91, 199].includes(i) ? token + 1 : token));
  const all = changesEverywhere(a, b);
  expect(all).toHaveLength(a.length);
  all.forEach((sum, position) => {
    expect(sum).toBeCloseTo(changesAround(position, a, b), 12);
  });
  expect(new Set(all).size).toBeGreaterThan(100);
});
