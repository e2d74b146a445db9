import { describe, expect, it } from "@jest/globals";
import { linearTimes, networkSigma } from "../../src/sampler/schedule.ts";

describe("the time grid", () => {
  it("goes evenly from exactly 1 down to exactly 1e-5", () => {
    const times = linearTimes(8);
    expect(times).toHaveLength(9);
    expect(times[0]).toBe(1);
    expect(times[8]).toBe(1e-5);
    for (let i = 0; i < 8; i++) expect(times[i] - times[i + 1]).toBeCloseTo((1 - 1e-5) / 8, 14);
  });

  it("has both ends with a single step", () => {
    expect([...linearTimes(1)]).toEqual([1, 1e-5]);
  });
});

describe("the network's sigma", () => {
  it("is -log(1 - (1 - 1e-3) t): log 1000 at t = 1, 0 at t = 0", () => {
    expect(networkSigma(1)).toBeCloseTo(Math.log(1000), 12);
    expect(networkSigma(0.5)).toBeCloseTo(-Math.log(1 - 0.4995), 14);
    expect(networkSigma(0)).toBeCloseTo(0, 15);
  });
});
