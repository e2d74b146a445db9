import { describe, expect, it } from "@jest/globals";
import { compilePlan } from "../../../src/sampler/index.ts";
import { callsOf, requestOf, type Question } from "../../../src/sampler/loops/question.ts";
import { SampleState } from "../../../src/sampler/loops/sampleState.ts";
import { ONE_PART } from "../support/onePart.ts";
import { MASK } from "../support/tableDenoiser.ts";

const plan = compilePlan({ kind: "mdlm" }, 4);
const none = new Int32Array(0);

function question(
  sample: number,
  reveals: Int32Array,
  pinned = new Map<number, number>(),
): Question {
  const state = new SampleState(sample, { ...ONE_PART, plan, maskId: MASK, length: 3, pinned });
  return { state, changes: { reveals, remasks: none }, time: 1 };
}

describe("a round's questions", () => {
  const V = 50_258;
  const sizes = (rows: readonly number[]) =>
    [
      ...callsOf(
        rows.map((n, i) => question(i, new Int32Array(n))),
        V,
      ),
    ].map((call) => call.map(({ changes }) => changes.reveals.length));

  it("go into one call as long as the answer stays below 256 MB", () => {
    expect(sizes([8, 8, 8, 8])).toEqual([[8, 8, 8, 8]]);
    expect(sizes([])).toEqual([]);
  });

  it("are split between samples beyond that, and one sample is never split", () => {
    expect(sizes([700, 600, 100, 2000, 10])).toEqual([[700, 600], [100], [2000], [10]]);
  });

  it("become flat ascending rows of the batch, with the tokens as they stand before the step", () => {
    const request = requestOf(
      [
        question(0, Int32Array.of(0, 2), new Map([[1, 3]])),
        question(1, Int32Array.of(1), new Map([[0, 2]])),
      ],
      3,
    );
    expect(request.batch).toBe(2);
    expect(request.length).toBe(3);
    expect([...request.tokens]).toEqual([MASK, 3, MASK, 2, MASK, MASK]);
    expect([...request.rows]).toEqual([0, 2, 4]);
    expect(request.sigma).toEqual(Float32Array.of(Math.log(1000), Math.log(1000)));
  });
});
