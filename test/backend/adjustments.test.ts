// @part backend
/**
 * Banned tokens and guidance on the real backend, with the bundled models: each row is checked against rows of two plain
 * calls.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import { Remdm, type SampleOptions } from "../../src/index.ts";
import type {
  Denoiser,
  ForwardRequest,
  Guidance,
  StatisticName,
} from "../../src/sampler/denoiser.ts";
import { statisticsOf } from "../../examples/parity/peers/rowStatistics.ts";

/** Loading PyTorch takes seconds, or a minute on a machine that is out of breath. */
const MINUTES = 60_000;
const LENGTH = 12;
/** Every position of the second sequence, some of the first. */
const ROWS = [3, 7, ...Array.from({ length: LENGTH }, (_, i) => LENGTH + i)];
/** Of each sequence the first three tokens are a prompt. */
const GUIDANCE: Guidance = {
  scale: 2,
  masked: Int32Array.of(0, 1, 2, LENGTH, LENGTH + 1, LENGTH + 2),
};
const BANNED = Int32Array.of(2, 5, 40);
const STATISTICS: readonly StatisticName[] = ["logMass", "max", "second", "entropy", "given"];

describe.each(["demo", "demo-sedd"])("%s", (checkpoint) => {
  let remdm: Remdm;
  let denoiser: Required<Omit<Denoiser, "top">> & Pick<Denoiser, "top">;
  let vocabSize: number;
  let maskId: number;
  beforeAll(async () => {
    remdm = await Remdm.launch({ checkpoint, device: "cpu", rows: "top" });
    if (!(remdm.denoiser instanceof ZmqDenoiser)) throw new Error("another denoiser");
    denoiser = remdm.denoiser;
    ({ vocabSize, maskId } = remdm.model);
  }, 3 * MINUTES);
  afterAll(async () => {
    await remdm.close();
  });

  function question(change: Partial<ForwardRequest> = {}): ForwardRequest {
    const tokens = Int32Array.from({ length: 2 * LENGTH }, (_, i) =>
      i % LENGTH < 3 || i % 5 === 0 ? 7 + (i % 9) : maskId,
    );
    const sigma = Float32Array.of(0.5, 2);
    return { batch: 2, length: LENGTH, tokens, sigma, rows: Int32Array.from(ROWS), ...change };
  }

  /** The guided rows of two plain calls, without banned tokens. */
  async function byHand({ scale, masked }: Guidance, banned: ArrayLike<number>) {
    const { fround } = Math;
    const plain = question();
    const tokens = plain.tokens.slice();
    for (const at of masked) tokens[at] = maskId;
    const certain = await denoiser.forward(plain);
    const free = await denoiser.forward(question({ tokens }));
    const isBanned = new Set(Array.from(banned));
    return certain.map((logit, i) =>
      isBanned.has(i % vocabSize)
        ? -Infinity
        : free[i] + fround(fround(scale + 1) * fround(logit - free[i])),
    );
  }

  function expectClose(got: ArrayLike<number>, want: ArrayLike<number>, within = 1e-3): void {
    expect(got).toHaveLength(want.length);
    const apart = Array.from(got, (value, i) =>
      value === want[i] ? 0 : Math.abs(value - want[i]),
    );
    expect(Math.max(...apart)).toBeLessThan(within);
  }

  it("answers with guided rows, as two plain calls say", async () => {
    const guided = await denoiser.forward(question({ guidance: GUIDANCE, banned: BANNED }));
    expectClose(guided, await byHand(GUIDANCE, BANNED));
    const plain = await denoiser.forward(question());
    expect(Math.max(...guided.map((value, i) => Math.abs(value - plain[i])))).toBeGreaterThan(0.1);
  });

  it("makes statistics and tops of the same rows, where a cache has the trunk too", async () => {
    const rows = await byHand(GUIDANCE, BANNED);
    const given = Int32Array.from(ROWS, (row) => BANNED[row % 4] ?? row);
    const want = statisticsOf(STATISTICS, rows, remdm.model, given);
    const asked = question({ guidance: GUIDANCE, banned: BANNED, cache: 1 });
    expectClose(await denoiser.statistics({ ...asked, statistics: STATISTICS, given }), want);
    const tops = (await denoiser.top?.(asked, { mass: 0.8 })) ?? [];
    expect(tops).toHaveLength(ROWS.length);
    for (const [n, { ids, logits }] of tops.entries()) {
      expect(Array.from(ids).filter((id) => BANNED.includes(id) || id === maskId)).toEqual([]);
      expectClose(
        logits,
        Float32Array.from(ids, (id) => rows[n * vocabSize + id]),
      );
    }
    denoiser.release(1);
  });

  it("answers with the plain rows for scale 0, to the last bit", async () => {
    const none = { ...GUIDANCE, scale: 0 };
    expect(await denoiser.forward(question({ guidance: none }))).toEqual(
      await denoiser.forward(question()),
    );
  });

  it.each<[string, Partial<ForwardRequest>, string]>([
    ["an id", { banned: Int32Array.of(2, 9999) }, "banned tokens are not all within"],
    ["two equals", { banned: Int32Array.of(2, 2) }, "not strictly ascending"],
    ["a scale", { guidance: { ...GUIDANCE, scale: -1 } }, "guidanceScale"],
    ["a place", { guidance: { scale: 1, masked: Int32Array.of(99) } }, "masked positions"],
  ])("refuses %s that does not fit", async (_, change, message) => {
    await expect(denoiser.forward(question(change))).rejects.toThrow(message);
  });

  const options: SampleOptions = { prompt: "ROMEO:", length: 24, steps: 16, samples: 3 };
  const sampled = async (more: SampleOptions) =>
    (await remdm.sample({ ...options, ...more }).result()).tokens;

  it("samples other texts with guidance, and the same without it", async () => {
    const plain = await sampled({});
    expect(await sampled({ guidance: 0 })).toEqual(plain);
    const guided = await sampled({ guidance: 2 });
    expect(guided).not.toEqual(plain);
    expect(await sampled({ guidance: 2, batchSize: 1 })).toEqual(guided);
  });

  it("never draws a banned token, named by id or by text", async () => {
    const plain = (await sampled({})).flatMap((ids) => ids.slice(6));
    const counts = new Map<number, number>();
    for (const id of plain) counts.set(id, (counts.get(id) ?? 0) + 1);
    const [often, next] = [...counts].sort((a, b) => b[1] - a[1]).map(([id]) => id);
    const banned = [often, remdm.tokenizer.decode([next])];
    for (const guidance of [0, 1.5]) {
      const drawn = (await sampled({ banned, guidance })).flatMap((ids) => ids.slice(6));
      expect(drawn.filter((id) => id === often || id === next)).toEqual([]);
    }
  });

  it("says what a text became that is not one token", async () => {
    const run = remdm.sample({ banned: [3, "no one token at all"] });
    await expect(run.result()).rejects.toMatchObject({
      code: "option_invalid",
      option: "banned",
      message: expect.stringMatching(
        /^banned must be a text that is one token of .* becomes \d+: "/,
      ),
    });
    expect(() => remdm.sample({ guidance: 1 })).toThrow("guidance needs a prompt");
    await expect(remdm.sample({ guidance: 1, prompt: "" }).result()).rejects.toThrow(
      "guidance needs a prompt",
    );
  });
});

describe("demo-ar", () => {
  it(
    "has bans and no guidance",
    async () => {
      await using remdm = await Remdm.launch({ checkpoint: "demo-ar", device: "cpu" });
      const options = { length: 40, samples: 2, prompt: "ROMEO:" };
      const plain = await remdm.sample(options).result();
      const banned = [...new Set(plain.tokens.flatMap((ids) => ids.slice(8)))].slice(0, 4);
      const { tokens } = await remdm.sample({ ...options, banned }).result();
      const drawn = tokens.flatMap((ids) => ids.slice(8, -1));
      expect(drawn.length).toBeGreaterThan(20);
      expect(drawn.filter((id) => banned.includes(id))).toEqual([]);
      expect(() => remdm.sample({ ...options, guidance: 1 })).toThrow("guidance must be undefined");
      const asked = {
        ...{ batch: 1, length: 3, tokens: Int32Array.of(0, 1, 2), sigma: new Float32Array(1) },
        ...{ rows: Int32Array.of(2), guidance: { scale: 1, masked: Int32Array.of(0) } },
      };
      await expect(remdm.denoiser.forward(asked)).rejects.toThrow("knows no masks");
    },
    3 * MINUTES,
  );
});
