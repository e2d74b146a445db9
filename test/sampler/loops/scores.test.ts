// @part slow
/** SEDD asks for reductions, then for the rows that reveal, of the same forward; no full score tensor travels. */
import { describe, expect, it } from "@jest/globals";
import { OptionError, sample, sampleEvents, type Denoiser } from "../../../src/sampler/index.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser, VOCAB_SIZE } from "../support/tableDenoiser.ts";

const sedd = (length: number) => new TableDenoiser(length, { kind: "sedd" });

describe("a sedd model", () => {
  it("is asked for one number a masked position and for the rows that reveal", async () => {
    const denoiser = sedd(12);
    const { tokens, stats } = await sample(denoiser, { steps: 8, samples: 3 });
    expect(tokens.some((ids) => ids.includes(MASK))).toBe(false);
    // Every position is revealed once, and by a row of its own.
    expect(stats.forwardRows).toBe(3 * 12);
    expect(stats.forwardCalls).toBeLessThanOrEqual(9);
    const names = new Set(denoiser.requests.map(({ cache }) => cache));
    expect(names.size).toBe(1);
    expect(names.has(undefined)).toBe(false);
  });

  it("reveals a position once and never changes it", async () => {
    const { events } = await collect(sampleEvents(sedd(10), { steps: 6 }));
    const revealed = events.flatMap((event) =>
      event.type === "revealed" ? [...event.positions] : [],
    );
    expect(revealed.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    expect(events.some(({ type }) => type === "remasked")).toBe(false);
  });

  it("does not depend on the batch", async () => {
    const all = await sample(sedd(8), { steps: 5, samples: 4, seed: 3 });
    const alone = await sample(sedd(8), { steps: 5, samples: 1, firstSample: 2, seed: 3 });
    expect(alone.tokens[0]).toEqual(all.tokens[2]);
  });

  it("knows no strategy but analytic, and no nucleus unless the papers are followed", async () => {
    await expect(sample(sedd(4), { strategy: { kind: "mdlm" } })).rejects.toThrow(
      "strategy.kind must be analytic for a model of kind sedd",
    );
    await expect(sample(sedd(4), { topP: 0.9 })).rejects.toThrow(OptionError);
    const { tokens } = await sample(sedd(4), { topP: 0.9, quirks: "paper", steps: 3 });
    expect(tokens[0]).toHaveLength(4);
  });

  it("needs reductions, of a sound network", async () => {
    const table = sedd(4);
    const bare: Denoiser = { model: table.model, forward: (request) => table.forward(request) };
    await expect(sample(bare, { steps: 2 })).rejects.toThrow("has no `statistics`");
    const unsound: Denoiser = {
      ...bare,
      statistics: async ({ rows }) => new Float32Array(rows.length).fill(NaN),
    };
    await expect(sample(unsound, { steps: 2 })).rejects.toThrow(
      "position 0 has NaN as its logMass",
    );
    const short: Denoiser = { ...bare, statistics: async () => new Float32Array(3) };
    await expect(sample(short, { steps: 2 })).rejects.toThrow("3 statistics instead of 4");
  });
});

describe("a d3pm model", () => {
  it("is sampled by the dense executor, the only one that it has", async () => {
    const d3pm = (subsMasking: boolean) => new TableDenoiser(6, { kind: "d3pm", subsMasking });
    const { tokens, stats } = await sample(d3pm(true), { steps: 4, samples: 2 });
    expect(tokens.some((ids) => ids.includes(MASK))).toBe(false);
    expect(stats.forwardCalls).toBe(5);
    await expect(sample(d3pm(false), { executor: "events" })).rejects.toThrow(
      'executor must be "dense" for a model of kind d3pm',
    );
  });
});

describe("the dense executor", () => {
  it("asks in portions of one forward where an answer would be too large", async () => {
    const V = 2 ** 24; // four rows fill a portion
    const calls: { rows: number[]; cache: number | undefined }[] = [];
    const released: number[] = [];
    const wide: Denoiser = {
      model: { vocabSize: V, maskId: 0, length: 9, timeConditioning: false },
      forward: async ({ rows, cache }) => {
        calls.push({ rows: [...rows], cache });
        if (calls.length === 3) throw new Error("enough");
        return new Float32Array(rows.length * V);
      },
      release: (cache) => released.push(cache),
    };
    await expect(sample(wide, { executor: "dense", steps: 1 })).rejects.toThrow("enough");
    expect(calls.map(({ rows }) => rows)).toEqual([[0, 1, 2, 3], [4, 5, 6, 7], [8]]);
    expect(new Set(calls.map(({ cache }) => cache)).size).toBe(1);
    expect(calls[0].cache).toBeDefined();
    expect(released).toEqual([calls[0].cache]);
  });

  it("names the position of a row that is none", async () => {
    const broken = new TableDenoiser(3, {}, (_, __, position) =>
      new Float32Array(VOCAB_SIZE).fill(position === 2 ? NaN : 0),
    );
    await expect(sample(broken, { executor: "dense", steps: 1 })).rejects.toThrow(
      "sample 0, step 0, position 2 holds NaN",
    );
  });

  it("knows the strategies of the original's code, and no others", async () => {
    const attempt = sample(new TableDenoiser(3), {
      executor: "dense",
      strategy: { kind: "remdm", cap: 0.1 },
    });
    await expect(attempt).rejects.toThrow("strategy.kind must be one that the original's code has");
  });
});
