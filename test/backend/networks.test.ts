// @part backend
/** Every kind of network through the wire, as it was trained: its outputs, their statistics, and its caches. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import { Remdm } from "../../src/index.ts";
import type { Denoiser, ForwardRequest, StatisticName } from "../../src/sampler/denoiser.ts";
import { statisticsOf } from "../../examples/parity/peers/rowStatistics.ts";
import { expectRecordedOutputs } from "../support/forwardCases.ts";
import { goldenCheckpoint, goldenTokenizer } from "../support/golden.ts";

/** Loading PyTorch takes seconds, or a minute on a machine that is out of breath. */
const MINUTES = 60_000;

const BATCH = 2;
const LENGTH = 20;
const STATISTICS: readonly StatisticName[] = [
  ...(["logMass", "maskLogit", "max", "argmax", "second", "entropy", "given"] as const),
];

function question(rows: readonly number[], change: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    batch: BATCH,
    length: LENGTH,
    tokens: Int32Array.from({ length: BATCH * LENGTH }, (_, i) => (i % 3 === 0 ? 512 : 7 * i)),
    sigma: Float32Array.of(0.5, 2),
    rows: Int32Array.from(rows),
    ...change,
  };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe("a network with its raw weights", () => {
  describe.each(["mdlm", "sedd", "d3pm", "ar"])("%s", (kind) => {
    let remdm: Remdm;
    let denoiser: Required<Omit<Denoiser, "top">>;
    beforeAll(async () => {
      remdm = await Remdm.launch({
        checkpoint: goldenCheckpoint(kind),
        tokenizer: goldenTokenizer,
        device: "cpu",
        rawWeights: true,
      });
      if (!(remdm.denoiser instanceof ZmqDenoiser)) throw new Error("another denoiser");
      denoiser = remdm.denoiser;
    }, 3 * MINUTES);
    afterAll(async () => {
      await remdm.close();
    });

    it("gives what the original gave", async () => {
      expect(remdm.model).toMatchObject({
        kind,
        weights: "raw",
        architecture: kind === "ar" ? "ar" : "dit",
        subsMasking: kind === "d3pm",
      });
      await expectRecordedOutputs(remdm, false);
    });

    it("reduces its rows to statistics, also where a cache has what they are made of", async () => {
      const rows = [0, 3, LENGTH - 1, LENGTH, 2 * LENGTH - 1];
      const asked = { ...question(rows), statistics: STATISTICS, given: Int32Array.from(rows) };
      const logits = await denoiser.forward({ ...question(rows), cache: 2 });
      const expected = statisticsOf(STATISTICS, logits, remdm.model, asked.given);
      for (const cache of [{}, { cache: 2 }]) {
        const statistics = await denoiser.statistics({ ...asked, ...cache });
        expect(largestDifference(statistics, expected)).toBeLessThan(1e-4);
      }
      // The other way round: what the statistics were made of serves the rows.
      const plain = await denoiser.forward(question([7]));
      await denoiser.statistics({ ...asked, cache: 3 });
      const after = await denoiser.forward({ ...question([7]), cache: 3 });
      expect(largestDifference(after, plain)).toBeLessThan(1e-4);
      denoiser.release(2);
      denoiser.release(3);
      expect(await denoiser.statistics({ ...question([]), statistics: ["max"] })).toHaveLength(0);
    });

    it("is told in one typed error what is wrong with a question about statistics", async () => {
      const asked = { ...question([1, 2]), statistics: ["given"] } as const;
      const { vocabSize } = remdm.model;
      for (const [given, message] of [
        [{}, "forward carries 4 tensors: tokens and sigma and rows and given."],
        [{ given: Int32Array.of(1) }, "given names 1 tokens for 2 rows; name one each."],
        [{ given: Int32Array.of(1, vocabSize) }, `A given token is outside [0, ${vocabSize}).`],
      ] as const) {
        await expect(denoiser.statistics({ ...asked, ...given })).rejects.toMatchObject({
          message,
        });
      }
    });

    it("says the same with a cache, whatever that was about before", async () => {
      const tokens = question([]).tokens.map((token, i) => (i === LENGTH + 5 ? 3 : token));
      const asked = [
        question([1, 4]),
        question([LENGTH + 19]),
        question([0, 19], { tokens }),
        question([0, 19], { sigma: Float32Array.of(0.1, 0.1) }),
        question([LENGTH - 1], {
          batch: 1,
          tokens: tokens.slice(0, LENGTH),
          sigma: Float32Array.of(1),
        }),
        question([1, 4]),
      ];
      for (const request of asked) {
        const plain = await denoiser.forward(request);
        const quick = await denoiser.forward({ ...request, cache: 1 });
        expect(largestDifference(quick, plain)).toBeLessThan(1e-4);
      }
      denoiser.release(1);
      denoiser.release(99);
      expect(await remdm.ping()).toEqual({ busy: false, queued: 0 });
    });
  });
});
