/** Samples that share one call or two, as is faster. */
import { describe, expect, it } from "@jest/globals";
import {
  sample,
  sampleEvents,
  type Denoiser,
  type SamplerOptions,
} from "../../../src/sampler/index.ts";
import { Halves } from "../../../src/sampler/loops/halves.ts";
import { TableDenoiser, longLogits } from "../support/tableDenoiser.ts";

/**
 * Runs rounds of 16 calls on a device of c0 + 1.25 B ms, whose answers take `draw` ms a sample.
 * @returns of each round whether it was one of halves.
 */
function runOn(c0: number, draw: number, rounds: number): boolean[] {
  const halves = new Halves();
  let now = 0;
  return Array.from({ length: rounds }, () => {
    const { isSplit } = halves;
    const samples = isSplit ? 8 : 16;
    const computed = c0 + 1.25 * samples;
    const drawn = draw * samples;
    now += isSplit ? Math.max(computed, drawn) : computed + drawn;
    halves.record(samples, isSplit ? 0 : drawn, now);
    return isSplit;
  });
}

describe("halves of one batch", () => {
  it("stay where drawing takes longer than a call costs by itself", () => {
    const split = runOn(1, 0.8, 200);
    expect(split.slice(0, 20)).not.toContain(true);
    expect(split.slice(100)).not.toContain(false);
  });

  it("are tried and given up where calls cost too much by themselves", () => {
    const split = runOn(30, 0.8, 200);
    expect(split).toContain(true);
    expect(split.slice(100)).not.toContain(true);
  });

  it.each([
    ["the denoiser hardly waits", 1, 0.01],
    ["rounds are over at once", 0, 0],
  ])("are not tried where %s", (_, c0, draw) => {
    expect(runOn(c0, draw, 200)).not.toContain(true);
  });

  it("are not tried while later states share the calls", () => {
    const halves = new Halves();
    for (let round = 0; round < 100; round++) {
      halves.record(16, 10, 30 * round);
      if (round % 10 === 0) halves.recordLook();
    }
    expect(halves.isSplit).toBe(false);
  });

  it.each([2, 5, 12])(
    "of %i samples give the same tokens, with two calls under way",
    async (samples) => {
      const table = new TableDenoiser(64, {}, longLogits);
      let underWay = 0;
      let most = 0;
      const denoiser: Denoiser = {
        model: table.model,
        forward: async (request) => {
          most = Math.max(most, ++underWay);
          await new Promise((resolve) => setTimeout(resolve, 2 * request.batch));
          underWay--;
          return table.forward(request);
        },
      };
      // A call is full, so that there is no room for later states.
      const run: SamplerOptions = {
        strategy: "remdm-loop",
        steps: 80,
        samples,
        batchSize: samples,
        seed: 4,
      };
      const { tokens } = await sample(table, { ...run, window: 1 });
      const texts: (readonly number[])[] = [];
      let revealed = 0;
      for await (const event of sampleEvents(denoiser, run)) {
        if (event.type === "finished") texts[event.sample] = event.tokens;
        if (event.type === "revealed") revealed++;
        if (event.type !== "progress") continue;
        // As long as drawing would take.
        await new Promise((resolve) => setTimeout(resolve, 2 * revealed));
        revealed = 0;
      }
      expect(most).toBe(2);
      expect(texts).toEqual(tokens);
    },
  );
});
