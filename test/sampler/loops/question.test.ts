import { describe, expect, it } from "@jest/globals";
import { sample, type ForwardRequest, type TopRow } from "../../../src/sampler/index.ts";
import { callsOf, requestOf } from "../../../src/sampler/loops/question.ts";
import { MASK } from "../support/tableDenoiser.ts";

describe("a round's questions", () => {
  const V = 50_258;
  const sizes = (rows: readonly number[]) =>
    [
      ...callsOf(
        rows.map((count) => ({ count })),
        V,
        ({ count }) => count,
      ),
    ].map((call) => call.map(({ count }) => count));

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
        { tokens: Int32Array.of(MASK, 3, MASK), rows: [0, 2], time: 1 },
        { tokens: Int32Array.of(2, MASK, MASK), rows: [1], time: 1 },
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

describe("an answer that is none is refused", () => {
  const model = { vocabSize: 4, maskId: MASK, length: 3, timeConditioning: false };
  const whole = async ({ rows }: ForwardRequest) => new Float32Array(rows.length * 4);
  const loops = [
    ["draw first", {}, { strategy: "mdlm", topP: 1 }],
    ["ask first", {}, { strategy: "random", topP: 1, steps: 1 }],
    ["left to right", { kind: "ar", bosId: 0 }, { topP: 1, quirks: "paper" }],
    ["left to right, dense", { kind: "ar", bosId: 0 }, { executor: "dense" }],
    ["dense", {}, { strategy: "mdlm", executor: "dense" }],
  ] as const;
  const answers: readonly (readonly [unknown, string])[] = [
    [undefined, "undefined"],
    [null, "null"],
    [[0, 1, 2, 3], "an array of 4"],
    [new Float64Array(4), "a Float64Array"],
    [{ length: 12 }, "an object"],
    ["logits", '"logits"'],
  ];

  it.each(loops)("rows: %s", async (_, more, options) => {
    for (const [answer, said] of answers) {
      const forward = async () => answer as Float32Array;
      const run = sample({ model: { ...model, ...more }, forward }, options);
      await expect(run).rejects.toMatchObject({
        code: "denoiser_invalid",
        message: expect.stringMatching(
          new RegExp(
            `^The denoiser answered with ${said} instead of a Float32Array of \\d+ \\(\\d rows of 4\\) logits$`,
          ),
        ),
      });
    }
  });

  it("statistics", async () => {
    for (const [answer, said] of answers) {
      const statistics = async () => answer as Float32Array;
      const run = sample({ model, forward: whole, statistics }, { strategy: "confidence" });
      await expect(run).rejects.toMatchObject({
        code: "denoiser_invalid",
        message: `The denoiser answered with ${said} instead of a Float32Array of 3 (3 rows of 1) statistics`,
      });
    }
  });

  const top = { ids: Int32Array.of(0), logits: Float32Array.of(0), rest: 0, logMass: 0 };
  const parts = "{ ids: Int32Array, logits: Float32Array, rest: number, logMass: number }";
  it.each<[string, unknown, string]>([
    ["nothing", undefined, "undefined instead of an array with the top of 1 row"],
    ["an object", { length: 1 }, "an object instead of an array with the top of 1 row"],
    ["too many", [top, top], "the top of 2 rows instead of 1"],
    ["a hole", [undefined], `undefined as the top of row 0 instead of ${parts}`],
    [
      "lists in plain arrays",
      [{ ...top, ids: [0], logits: [0] }],
      `{ ids: Array, logits: Array, rest: number, logMass: number } as the top of row 0 instead of ${parts}`,
    ],
    [
      "no masses",
      [{ ids: top.ids, logits: top.logits, rest: "0" }],
      `{ ids: Int32Array, logits: Float32Array, rest: string, logMass: undefined } as the top of row 0 instead of ${parts}`,
    ],
  ])("the top of rows: %s", async (_, answer, said) => {
    const denoiser = { model, forward: whole, top: async () => answer as TopRow[] };
    const run = sample(denoiser, { strategy: "first-hitting", topP: 0.5 });
    await expect(run).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: `The denoiser answered with ${said}`,
    });
  });

  it.each([undefined, null, "mdlm", { ...model, maskId: "1" }])("a model: %j", async (none) => {
    const denoiser = { model: none as never, forward: whole };
    await expect(sample(denoiser, {})).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: expect.stringMatching(/^The denoiser's model has vocabSize (undefined|4), maskId /),
    });
  });
});
