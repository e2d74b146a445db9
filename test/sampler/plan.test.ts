import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { compilePlan, type Plan, type Strategy } from "../../src/sampler/index.ts";
import { readGolden } from "../support/golden.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });
const inside = fc.double({ min: 0, max: 1, noNaN: true, minExcluded: true, maxExcluded: true });
const loopTimes = fc
  .record({ tOn: inside, tOff: inside, alphaOn: inside })
  .filter(({ tOn, tOff }) => tOff < tOn);
const window = fc.oneof(
  fc.record({
    kind: fc.constant("switch" as const),
    tSwitch: share.filter((t) => t > 0),
  }),
  loopTimes.map((times) => ({ kind: "loop" as const, ...times })),
);

const legal: fc.Arbitrary<Strategy> = fc.oneof(
  fc.constantFrom<Strategy>(
    { kind: "mdlm" },
    { kind: "forward-backward" },
    { kind: "dfm" },
    { kind: "remdm-conf" },
  ),
  share.map((eta): Strategy => ({ kind: "remdm-cap", eta })),
  share.map((eta): Strategy => ({ kind: "remdm-rescale", eta })),
  fc.tuple(loopTimes, share).map(([times, part]): Strategy => {
    const max = Math.min(1, (1 - times.alphaOn) / times.alphaOn);
    return { kind: "remdm-loop", ...times, eta: part * max };
  }),
  fc
    .record({ cap: share, rescale: share, confidence: fc.boolean(), window }, { requiredKeys: [] })
    .map((options): Strategy => ({ kind: "remdm", ...options })),
);

describe("a plan", () => {
  it("has falling times, and u and r in [0, 1], for all legal options", () => {
    fc.assert(
      fc.property(legal, fc.integer({ min: 1, max: 200 }), (strategy, steps) => {
        const plan = compilePlan(strategy, steps);
        expect(plan.times).toHaveLength(plan.steps + 1);
        expect(plan.reveal).toHaveLength(plan.steps);
        expect(plan.remask).toHaveLength(plan.steps);
        expect(plan.times[0]).toBe(1);
        expect(plan.times.every((t, i) => i === 0 || t < plan.times[i - 1])).toBe(true);
        const isChance = (chance: number) => chance >= 0 && chance <= 1; // not NaN
        expect(plan.reveal.every(isChance)).toBe(true);
        expect(plan.remask.every(isChance)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the chance of being masked where the schedule says, whatever sigma is", () => {
    // One position: P(masked) after a step is P(masked)(1 - u) + P(revealed) r, and must be s for cap, rescale, max.
    const strategies: Strategy[] = [
      { kind: "mdlm" },
      { kind: "remdm-cap", eta: 0.2 },
      { kind: "remdm-rescale", eta: 0.7 },
      { kind: "remdm" },
      { kind: "remdm", cap: 0.3, rescale: 0.5, window: { kind: "switch", tSwitch: 0.4 } },
    ];
    for (const strategy of strategies) {
      const plan = compilePlan(strategy, 50);
      let masked = 1;
      for (let i = 0; i < plan.steps; i++) {
        masked = masked * (1 - plan.reveal[i]) + (1 - masked) * plan.remask[i];
        expect(masked).toBeCloseTo(plan.times[i + 1], 12);
      }
    }
  });
});

describe("the named strategies are points of the composable one", () => {
  const loop = { tOn: 0.6, tOff: 0.2, alphaOn: 0.8 };
  const pairs: [Strategy, Strategy][] = [
    [{ kind: "mdlm" }, { kind: "remdm", cap: 0 }],
    [
      { kind: "remdm-cap", eta: 0.1 },
      { kind: "remdm", cap: 0.1 },
    ],
    [
      { kind: "remdm-rescale", eta: 0.1 },
      { kind: "remdm", rescale: 0.1 },
    ],
    [{ kind: "remdm-conf" }, { kind: "remdm", confidence: true }],
    [
      { kind: "remdm-loop", eta: 0.1, ...loop },
      { kind: "remdm", cap: 0.1, window: { kind: "loop", ...loop } },
    ],
  ];
  it.each(pairs)("%j is %j", (named, composed) => {
    expect(compilePlan(named, 20)).toEqual(compilePlan(composed, 20));
  });

  it("have the documented defaults", () => {
    const given: [Strategy, Strategy][] = [
      [{ kind: "remdm-cap" }, { kind: "remdm-cap", eta: 0.008 }],
      [{ kind: "remdm-rescale" }, { kind: "remdm-rescale", eta: 0.015 }],
      [
        { kind: "remdm-loop" },
        { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
      ],
      [
        { kind: "remdm", window: { kind: "switch" } },
        { kind: "remdm", window: { kind: "switch", tSwitch: 0.55 } },
      ],
      [
        { kind: "remdm", window: { kind: "loop" } },
        { kind: "remdm", window: { kind: "loop", tOn: 0.55, tOff: 0.05, alphaOn: 0.9 } },
      ],
    ];
    for (const [short, long] of given) expect(compilePlan(short, 9)).toEqual(compilePlan(long, 9));
  });
});

describe("windows", () => {
  it("switch: nothing is remasked while t > tSwitch, everything as without it after", () => {
    const plan = compilePlan({ kind: "remdm", window: { kind: "switch", tSwitch: 0.5 } }, 10);
    const always = compilePlan({ kind: "remdm" }, 10);
    const mdlm = compilePlan({ kind: "mdlm" }, 10);
    forEachStep(plan, (i, t) => {
      expect(plan.remask[i]).toBe(t > 0.5 ? 0 : always.remask[i]);
      expect(plan.reveal[i]).toBe((t > 0.5 ? mdlm : always).reveal[i]);
    });
  });

  it("loop: on the plateau as many are revealed as are remasked", () => {
    const alphaOn = 0.8;
    const window = { kind: "loop", tOn: 0.7, tOff: 0.2, alphaOn } as const;
    const plan = compilePlan({ kind: "remdm", cap: 0.1, window }, 20);
    forEachStep(plan, (i, t) => {
      const plateau = t <= 0.7 && t > 0.2;
      expect(plan.remask[i]).toBe(plateau ? 0.1 : 0);
      if (plateau) expect(plan.reveal[i] * (1 - alphaOn)).toBeCloseTo(0.1 * alphaOn, 14);
    });
  });

  it("loop: reveals are certain where a step jumps past alpha = 1", () => {
    const plan = compilePlan({ kind: "remdm-loop", tOn: 0.55, tOff: 0.05, alphaOn: 0.9 }, 1);
    expect([...plan.reveal]).toEqual([1]);
  });

  it("loop with confidence: its plateau only remasks", () => {
    const window = { kind: "loop", tOn: 0.7, tOff: 0.2, alphaOn: 0.8 } as const;
    const plan = compilePlan({ kind: "remdm", confidence: true, window }, 20);
    forEachStep(plan, (i, t) => {
      const plateau = t <= 0.7 && t > 0.2;
      expect(plan.reveal[i] === 0).toBe(plateau);
      if (plateau) expect(plan.remask[i]).toBeCloseTo(0.25, 14);
    });
  });
});

describe("forward-backward", () => {
  it("reveals everything in its last step, where the original's weight of the mask is negative", () => {
    expect(compilePlan({ kind: "forward-backward" }, 16).reveal.at(-1)).toBe(1);
  });
});

describe("the corners of a loop", () => {
  const loop = { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 } as const;
  /** The expected share of masks after each step. */
  const shares = (plan: Plan) => {
    let masked = 1;
    return Array.from(plan.reveal, (u, i) => {
      masked = masked * (1 - u) + (1 - masked) * plan.remask[i];
      return masked;
    });
  };

  it("are cut in the paper: the plateau begins with 1 - alphaOn masks, and keeps them", () => {
    const plan = compilePlan(loop, 10, { quirks: "paper" });
    for (const share of shares(plan).slice(4, 9)) expect(share).toBeCloseTo(0.1, 12);
  });

  it("are overrun in the original's code: too few masks are left at the first", () => {
    // Step 4 goes from 0.6 to 0.5; at 0.55 a share of 0.1 would be left, the line goes on to 0.
    expect(shares(compilePlan(loop, 10))[4]).toBeCloseTo(0, 4);
  });

  it("matter in the steps that cross one alone", () => {
    const [code, paper] = (["original", "paper"] as const).map((quirks) =>
      compilePlan(loop, 1000, { quirks }),
    );
    const differing = code.reveal.filter((u, i) => Math.abs(u - paper.reveal[i]) > 1e-9);
    expect(differing.length).toBeGreaterThan(0);
    expect(differing.length).toBeLessThanOrEqual(2);
  });
});

describe("dfm's own grid", () => {
  const [{ cases }] = readGolden("end2end") as {
    cases: { sampler: string; steps: number; forwardCalls: number }[];
  }[];
  const dfm = cases.filter(({ sampler }) => sampler === "dfm");
  it.each(dfm)("has as many steps as the original took for $steps", ({ steps, forwardCalls }) => {
    // The original's calls: one a step, and the final noise removal.
    expect(compilePlan({ kind: "dfm" }, steps).steps).toBe(forwardCalls - 1);
  });
  it("is recorded", () => expect(dfm.length).toBeGreaterThan(1));
});

function forEachStep(plan: Plan, check: (step: number, t: number) => void): void {
  for (let i = 0; i < plan.steps; i++) check(i, plan.times[i]);
}
