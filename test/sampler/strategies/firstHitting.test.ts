/** When the next event of the first-hitting sampler comes, and what it is: against its rates. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  compilePlan,
  OptionError,
  prepare,
  type Moment,
  type NextEvent,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { checkBeforeLoading } from "../../../src/sampler/prepare.ts";
import { firstHitting } from "../../../src/sampler/strategies/firstHitting.ts";

const MODEL = { vocabSize: 4, maskId: 3, length: 8, timeConditioning: false };

interface Options {
  readonly rate?: number;
  readonly tSwitch?: number;
}

function next({ rate = 0, tSwitch = 1 }: Options, now: Moment, wait: number) {
  const { definition } = firstHitting;
  if (!("nextEvent" in definition)) throw new Error("it goes event by event");
  return definition.nextEvent({ rate, tSwitch }, now, wait);
}

/** Rate of all events at time t, as the limit of ReMDM-cap has it. */
function totalRate({ rate = 0, tSwitch = 1 }: Options, { masked, revealed }: Moment, t: number) {
  const remasks = t <= tSwitch ? rate : 0;
  return (masked * (1 + remasks * (1 - t))) / t + revealed * remasks;
}

/** Integrates the rates from `at` to t by Simpson's rule in log t, on both sides of tSwitch. */
function integral(options: Options, now: Moment, at: number): number {
  const { tSwitch = 1 } = options;
  const corners = [now.t, ...(tSwitch > at && tSwitch < now.t ? [tSwitch] : []), at];
  let sum = 0;
  for (let i = 0; i + 1 < corners.length; i++) {
    const [high, low] = [corners[i], corners[i + 1]];
    const width = Math.log(high / low) / 400;
    for (let k = 0; k <= 400; k++) {
      // At the corner itself the rates are those of this side.
      const t = Math.min(high * (1 - 1e-13 * (i === 0 ? 0 : 1)), low * Math.exp(k * width));
      const inside = { ...options, tSwitch: i === 0 && high > tSwitch ? 0 : 1 };
      const weight = k === 0 || k === 400 ? 1 : k % 2 === 1 ? 4 : 2;
      sum += (weight * width * t * totalRate(inside, now, t)) / 3;
    }
  }
  return sum;
}

describe("the next event", () => {
  const anyCase = fc.record({
    rate: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
    tSwitch: fc.double({ min: 0.05, max: 1, noNaN: true }),
    t: fc.double({ min: 0.01, max: 1, noNaN: true }),
    masked: fc.integer({ min: 1, max: 60 }),
    revealed: fc.nat(60),
    wait: fc.double({ min: 1e-6, max: 20, noNaN: true }),
  });

  it("comes when the integral of the rates is the wait", () => {
    fc.assert(
      fc.property(anyCase, ({ rate, tSwitch, wait, ...now }) => {
        const options = { rate, tSwitch };
        const event = next(options, now, wait);
        const at = event?.t ?? NaN;
        expect(at).toBeLessThanOrEqual(now.t);
        if (at < 1e-12) return; // too far for the quadrature
        expect(integral(options, now, at) / wait).toBeCloseTo(1, 5);
      }),
      { numRuns: 500 },
    );
  });

  it("is a remask by the rates at its time", () => {
    fc.assert(
      fc.property(anyCase, ({ rate, tSwitch, wait, ...now }) => {
        const event = next({ rate, tSwitch }, now, wait);
        if (event === undefined || event.t < 1e-12) return;
        const share = event.t <= tSwitch ? rate * now.revealed : 0;
        const expected = share / totalRate({ rate, tSwitch }, now, event.t);
        expect(event.remask).toBeCloseTo(expected, 10);
      }),
    );
  });

  it("comes at t U^(1/n) without remasking", () => {
    for (const [t, masked, u] of [
      [1, 1, 0.3],
      [0.7, 5, 0.9],
      [0.2, 1024, 1e-9],
    ] as const) {
      const event = next({}, { t, masked, revealed: 3 }, -Math.log(u));
      expect(event?.remask).toBe(0);
      expect(event?.t).toBeCloseTo(t * u ** (1 / masked), 14);
    }
  });

  it("comes at once after no wait, and solves the equation to the last bits", () => {
    expect(next({ rate: 5 }, { t: 0.5, masked: 3, revealed: 2 }, 0)).toMatchObject({ t: 0.5 });
    for (const [masked, revealed, t, rate] of [
      [1, 1023, 0.9, 1000],
      [1023, 1, 1, 1000],
      [7, 3, 0.4, 0.01],
    ] as const) {
      for (const wait of [1e-9, 0.1, 3, 36]) {
        const at = next({ rate }, { t, masked, revealed }, wait)?.t ?? NaN;
        const x = Math.log(t / at);
        const reached = masked * (1 + rate) * x + (revealed - masked) * rate * (t - at);
        // What the last bits of `at` are worth.
        const bits = Number.EPSILON * (masked * (1 + rate) * (1 + x) + revealed * rate * t);
        expect(Math.abs(reached - wait)).toBeLessThan(4 * bits);
      }
    }
  });

  it("is a remask or none where nothing is masked", () => {
    const now = { t: 0.5, masked: 0, revealed: 4 };
    expect(next({ rate: 2 }, now, 1)).toEqual({ t: 0.375, remask: 1 });
    expect(next({ rate: 2 }, now, 4)).toBeUndefined();
    expect(next({ rate: 2, tSwitch: 0.25 }, now, 1)).toEqual({ t: 0.125, remask: 1 });
    expect(next({ rate: 2, tSwitch: 0.25 }, now, 2)).toBeUndefined();
    expect(next({}, now, 0)).toBeUndefined();
    expect(next({ rate: 2 }, { t: 1, masked: 0, revealed: 0 }, 0)).toBeUndefined();
  });

  it("is a reveal at t = 0 where the time underflows", () => {
    const done: NextEvent = { t: 0, remask: 0 };
    for (const rate of [0, 10]) {
      for (const t of [0, 5e-324]) {
        expect(next({ rate }, { t, masked: 1, revealed: 5 }, 36)).toEqual(done);
      }
    }
  });
});

describe("the options", () => {
  it("have defaults: nothing is remasked", () => {
    expect(prepare({ strategy: "first-hitting" }, MODEL).strategy).toEqual({
      kind: "first-hitting",
      rate: 0,
      tSwitch: 1,
    });
  });

  it.each<[SamplerOptions, string]>([
    [{ steps: 8 }, "steps must be undefined (first-hitting has no time grid); got 8"],
    [{ steps: [1, 0] }, "steps must be undefined (first-hitting has no time grid)"],
    [{ executor: "dense" }, "strategy.kind must be one that the original's code has, for `dense`"],
    [{ strategy: { kind: "first-hitting", rate: -1 } }, "rate must be a number in [0, 1000]"],
    [{ strategy: { kind: "first-hitting", tSwitch: 0 } }, "tSwitch must be a number in (0, 1]"],
  ])("refuse %j", (options, message) => {
    const attempt = () => prepare({ strategy: "first-hitting", ...options }, MODEL);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(message);
  });

  it("are checked before a model is loaded, whose length is not known", () => {
    expect(() => checkBeforeLoading({ strategy: "first-hitting" })).not.toThrow();
    expect(() => checkBeforeLoading({ strategy: "first-hitting", steps: 8 })).toThrow(OptionError);
  });

  it("make no plan: there is no grid", () => {
    expect(() => compilePlan("first-hitting", 8)).toThrow(OptionError);
  });
});
