/** The Psi-sampler: its chances against the published mixture, its parts of a run, its plateau. */
import { describe, expect, it } from "@jest/globals";
import {
  compilePlan,
  OptionError,
  plateauTimes,
  prepare,
  sample,
  type Plan,
  type SamplerOptions,
  type Strategy,
} from "../../../src/sampler/index.ts";
import { TableDenoiser } from "../support/tableDenoiser.ts";

type Psi = Extract<Strategy, { kind: "psi" }>;
const MODEL = { vocabSize: 4, maskId: 3, length: 8, timeConditioning: false };

/** Returns the plan of a run over given times. */
function planOver(
  strategy: Strategy,
  steps: SamplerOptions["steps"],
  quirks: "original" | "paper" = "original",
): Plan {
  const { loop } = prepare({ strategy, quirks, ...(steps !== undefined && { steps }) }, MODEL);
  if (loop.kind !== "drawFirst") throw new Error("psi draws first");
  return loop.plan;
}

/** The vector that `_psi_update` draws a position from: [V] with the mask last. */
function published(
  xTheta: readonly number[],
  token: number,
  t: number,
  s: number,
  kappa: number,
): number[] {
  const maskId = xTheta.length;
  const oneHot = Array.from({ length: maskId + 1 }, (_, v) => (v === token ? 1 : 0));
  const posteriorTo = (time: number) =>
    token === maskId
      ? [...xTheta.map((p) => (p * (t - time)) / t), time / t] // _posterior_from_x0
      : oneHot;
  const noised = posteriorTo(0).map((q, v) => (1 - s) * q + (v === maskId ? s : 0));
  return posteriorTo(s).map((q, v) => kappa * q + (1 - kappa) * noised[v]);
}

describe("the chances of a step", () => {
  it("are the published mixture of posterior and forward noise, token for token", () => {
    const xTheta = [0.6, 0.3, 0.1];
    for (const kappa of [0, 0.3, 0.9, 0.99, 1]) {
      const { times, reveal, remask } = compilePlan({ kind: "psi", kappa }, 7);
      for (let i = 0; i < 7; i++) {
        const [t, s] = [times[i], times[i + 1]];
        const masked = [...xTheta.map((p) => p * reveal[i]), 1 - reveal[i]];
        published(xTheta, 3, t, s, kappa).forEach((q, v) => expect(masked[v]).toBeCloseTo(q, 14));
        const revealed = [0, 1 - remask[i], 0, remask[i]];
        published(xTheta, 1, t, s, kappa).forEach((q, v) => expect(revealed[v]).toBeCloseTo(q, 14));
      }
    }
  });

  it("keep the chance of being masked where the schedule says", () => {
    const strategies: Psi[] = [
      { kind: "psi" },
      { kind: "psi", kappa: 0 },
      { kind: "psi", tOn: 0.7, tOff: 0.3, high: { kind: "capped" }, low: { kind: "rescaled" } },
    ];
    for (const strategy of strategies) {
      const { times, reveal, remask } = compilePlan(strategy, 40);
      let masked = 1;
      for (let i = 0; i < 40; i++) {
        masked = masked * (1 - reveal[i]) + (1 - masked) * remask[i];
        expect(masked).toBeCloseTo(times[i + 1], 12);
      }
    }
  });

  it("are mdlm's at kappa = 1, and so are the tokens of a seed", async () => {
    const options = { steps: 20, samples: 6, seed: 5, length: 12 };
    const [ours, mdlm] = await Promise.all(
      [{ kind: "psi", kappa: 1 } as const, { kind: "mdlm" } as const].map((strategy) =>
        sample(new TableDenoiser(12), { ...options, strategy }),
      ),
    );
    expect(ours).toEqual(mdlm);
    const other = await sample(new TableDenoiser(12), {
      ...options,
      strategy: { kind: "psi", kappa: 0.5 },
    });
    expect(other.tokens).not.toEqual(mdlm.tokens);
  });
});

describe("the parts of a run", () => {
  const shares = ({ times, remask }: Plan) => Array.from(remask, (r, i) => r / times[i + 1]);

  it("kappa acts in the steps that lie within [tOff, tOn], the posterior alone elsewhere", () => {
    const plan = planOver({ kind: "psi", kappa: 0.75, tOn: 0.8, tOff: 0.4 }, [1, 0.8, 0.6, 0.4, 0]);
    expect([...plan.remask].map((r) => r > 0)).toEqual([false, true, true, false]);
    expect(shares(plan)[1]).toBeCloseTo(0.25, 14);
  });

  it("each has a mode of its own", () => {
    const plan = planOver(
      {
        kind: "psi",
        tOn: 0.8,
        tOff: 0.4,
        high: { kind: "constant", kappa: 0.5 },
        middle: { kind: "constant", kappa: 0.25 },
        low: { kind: "constant", kappa: 0 },
      },
      [1, 0.8, 0.4, 0.2, 0],
    );
    expect([...plan.remask]).toEqual([0.5 * 0.8, 0.75 * 0.4, 0.2, 0]);
  });

  it.each<[NonNullable<Psi["middle"]>, "original" | "paper", (t: number, s: number) => number]>([
    [{ kind: "capped", eta: 0.1 }, "original", (_, s) => Math.min(0.1, s)],
    [
      { kind: "rescaled", eta: 0.5 },
      "original",
      (t, s) => Math.min(0.5 * Math.min(0.5, s / (1 - t)), s),
    ],
    [
      { kind: "rescaled", eta: 0.5 },
      "paper",
      (t, s) => Math.min(0.5 * Math.min(1, s / (1 - t)), s),
    ],
  ])("%j, %s", (middle, quirks, sigma) => {
    const plan = planOver({ kind: "psi", middle }, 10, quirks);
    for (let i = 0; i < 10; i++) {
      expect(plan.remask[i]).toBeCloseTo(sigma(plan.times[i], plan.times[i + 1]), 14);
    }
  });

  it("rescaled with a small eta tells the published code from the papers", () => {
    const strategy: Psi = { kind: "psi", middle: { kind: "rescaled" } };
    expect(planOver(strategy, 4).remask[1]).toBeCloseTo(0.05 * 0.05, 14);
    expect(planOver(strategy, 4, "paper").remask[1]).toBeCloseTo(0.05, 14);
  });

  it.each<[object, string]>([
    [{ kappa: 1.1 }, "strategy.kappa must be a number in [0, 1]; got 1.1"],
    [{ tOff: 0.9, tOn: 0.8 }, "strategy.tOn must be a number in [tOff, 1], with tOff = 0.9"],
    [{ middle: { kind: "cap" } }, "strategy.middle.kind must be one of constant, capped, rescaled"],
    [{ low: { kind: "capped", eta: -1 } }, "strategy.low.eta must be a number in [0, 1]"],
    [{ eta: 0.1 }, "strategy.eta must be undefined (psi takes only kind, kappa, tOn"],
  ])("%j is refused", (wrong, message) => {
    const attempt = () => prepare({ strategy: { kind: "psi", ...wrong } }, MODEL);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(message);
  });
});

describe("a plateau", () => {
  const times = plateauTimes(0.1, { before: 3, during: 4, after: 2 });

  it("has the times of the published profile", () => {
    expect(times).toHaveLength(10);
    expect([...times].map((t) => Number(t.toFixed(6)))).toEqual([
      ...[1, 0.7, 0.4],
      ...[0.1, 0.1, 0.1, 0.1, 0.1],
      ...[0.050005, 0.00001],
    ]);
    expect([...plateauTimes(0.5, { before: 1, during: 1, after: 0 })]).toEqual([1, 0.5, 0.5]);
    expect([...plateauTimes(0.5, { before: 1, during: 0, after: 1 }, 0)]).toEqual([1, 0.5, 0]);
  });

  it("corrects with tOn = tOff = its time, and keeps the share of masks", () => {
    const strategy: Psi = { kind: "psi", kappa: 0.5, tOn: 0.1, tOff: 0.1 };
    const { reveal, remask } = planOver(strategy, times);
    expect([...remask].map((r) => r > 0)).toEqual([
      ...[false, false, false],
      ...[true, true, true, true],
      ...[false, false],
    ]);
    for (let i = 3; i < 7; i++) expect(0.1 * reveal[i]).toBeCloseTo(0.9 * remask[i], 14);
  });

  it("does nothing without remasking, and leaves no masks in a run", async () => {
    expect([...planOver({ kind: "mdlm" }, times).reveal.subarray(3, 7)]).toEqual([0, 0, 0, 0]);
    const strategy: Psi = { kind: "psi", kappa: 0.2, tOn: 0.1, tOff: 0.1 };
    const denoiser = new TableDenoiser(6);
    const { tokens, stats } = await sample(denoiser, { strategy, steps: times, samples: 8 });
    expect(tokens.flat()).not.toContain(denoiser.model.maskId);
    expect(stats.forwardRows).toBeGreaterThan(8 * 6);
  });
});

describe("the end of the grid is the final step", () => {
  const logits = () => Float32Array.of(1, 9, 2, 0); // the mask is column 1
  const run = async (steps: readonly number[]) => {
    const denoiser = new TableDenoiser(400, {}, logits);
    const { tokens } = await sample(denoiser, { strategy: { kind: "psi" }, topP: 1, steps });
    return tokens[0].filter((token) => token === 2).length / 400;
  };

  it("ends with one greedy step from 0.9 on, or with one that draws", async () => {
    const chance = Math.exp(2) / (Math.exp(2) + Math.E + 1); // 0.665
    // Standard deviation 0.024.
    expect(Math.abs((await run([1, 0.9])) - (0.1 * chance + 0.9))).toBeLessThan(0.06);
    expect(Math.abs((await run([1, 0.9, 0])) - chance)).toBeLessThan(0.1);
  });
});
