// @part backend
/** What travels of a row changes no token: whole runs of the bundled model through the real backend. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Remdm, type SampleOptions, type Strategy } from "../src/index.ts";

/** Loading PyTorch takes seconds, or a minute on a machine that is out of breath. */
const MINUTES = 60_000;

const strategies: Strategy[] = [
  { kind: "mdlm" },
  { kind: "forward-backward" },
  { kind: "remdm-conf" },
  { kind: "remdm-loop", eta: 0.1 },
  { kind: "remdm-cap", eta: 0.2 },
];

describe.each(["float32", "bfloat16"] as const)("the bundled model in %s", (dtype) => {
  let whole: Remdm;
  let top: Remdm;
  beforeAll(async () => {
    const options = { checkpoint: "demo", device: "cpu", dtype } as const;
    [whole, top] = await Promise.all([
      Remdm.launch(options),
      Remdm.launch({ ...options, rows: "top" }),
    ]);
  }, 3 * MINUTES);
  afterAll(async () => {
    await Promise.all([whole.close(), top.close()]);
  });

  it("offers the top of rows only where it was told to, beside a CPU", () => {
    expect(whole.denoiser.top === undefined).toBe(true);
    expect(top.denoiser.top === undefined).toBe(false);
  });

  const cases = strategies.flatMap((strategy) =>
    [0.9, 0.3].map((topP): SampleOptions => ({ strategy, topP, steps: 8, samples: 2, seed: 3 })),
  );
  const usual = { strategy: "remdm-cap", steps: 8, samples: 2, seed: 3 } as const;
  const rules: SampleOptions[] = [
    { ...usual, topP: 0.9, temperature: 0.7 },
    { ...usual, topP: 0.6, temperature: 1.5, topK: 20 },
    { ...usual, topP: 1, topK: 5 },
    { ...usual, temperature: 0 },
  ];

  it.each([...cases, ...rules])(
    "gives the same tokens with the top of rows: %j",
    async (options) => {
      const expected = await whole.sample(options).result();
      const got = await top.sample(options).result();
      expect(got.tokens).toEqual(expected.tokens);
    },
  );
});
