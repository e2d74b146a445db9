import { describe, expect, it } from "@jest/globals";
import { parseReport } from "../../src/cli/commands/doctor/examination.ts";
import { isDevice } from "../../src/backend/device.ts";
import { resolveLaunch } from "../../src/program/launchOptions.ts";

describe("a device", () => {
  it.each(["auto", "cpu", "cuda", "cuda:0", "cuda:17", "mps"])("may be %s", (name) => {
    expect(isDevice(name)).toBe(true);
    expect(resolveLaunch({ device: name as "mps" }).device).toBe(name);
  });

  it.each(["", "gpu", "cuda:", "cuda:x", "mps:0", "CPU", undefined, 0])("may not be %j", (name) => {
    expect(isDevice(name)).toBe(false);
  });

  it("that doctor finds may be an Apple GPU", () => {
    const report = (mps: boolean): string =>
      JSON.stringify({ packages: {}, cuda: { available: false, device: null }, mps });
    expect(parseReport(report(true))?.gpu).toBe("Apple GPU (mps)");
    expect(parseReport(report(false))?.gpu).toBeNull();
  });
});
