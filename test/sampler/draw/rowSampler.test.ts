import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { RowSampler } from "../../../src/sampler/draw/rowSampler.ts";
import { PhiloxNoise, type NoiseSource } from "../../../src/sampler/index.ts";
import { goodnessOfFit } from "../support/chiSquare.ts";
import { fullSort } from "../support/fullSort.ts";

const MASK = 2;
const at = { sample: 7, step: 8, position: 9 };
const rowOf = (probabilities: readonly number[]) =>
  Float32Array.from(probabilities, (p) => Math.log(p));
/** Noise under which `favourite` wins whenever it can be drawn at all. */
const favouring = (favourite: number): NoiseSource => ({
  position: () => 0,
  token: (_sample, _step, _position, token) => (token === favourite ? 1e-300 : 0.9),
});

/** The draw said plainly: an exponential race over the nucleus of a full sort, token by token. */
function plainDraw(row: Float32Array, topP: number, noise: NoiseSource): number {
  let best = Infinity;
  let winner = -1;
  for (const [id, p] of fullSort(row, MASK, topP).kept) {
    const race = -Math.log1p(-noise.token(at.sample, at.step, at.position, id)) / p;
    if (race < best) {
      best = race;
      winner = id;
    }
  }
  return winner;
}

describe.each(["kernel", "plain"] as const)("the %s implementation", (implementation) => {
  const sampler = (vocabSize: number, topP: number) =>
    new RowSampler({ vocabSize, maskId: MASK }, { topP }, implementation);

  /** The tokens that a draw can give, with the probabilities that it says they have. */
  function kept(row: Float32Array, topP: number): Map<number, number> {
    const rows = sampler(row.length, topP);
    const found = new Map<number, number>();
    row.forEach((_, id) => {
      const { token, probability } = rows.draw(row, at, favouring(id));
      if (token === id) found.set(id, probability);
    });
    return found;
  }

  describe("a nucleus", () => {
    it("leaves out the token that crosses p", () => {
      expect([...kept(rowOf([0.5, 0.3, 1, 0.2]), 0.7).keys()]).toEqual([0]);
      expect([...kept(rowOf([0.5, 0.3, 1, 0.2]), 0.81).keys()]).toEqual([0, 1]);
    });

    it("always keeps the likeliest token", () => {
      expect(kept(rowOf([0.1, 0.9, 1, 0]), 0.01)).toEqual(new Map([[1, 1]]));
    });

    it("keeps the lower ids of tokens that are equally likely", () => {
      const row = Float32Array.from({ length: 9 }, () => 0.3);
      expect([...kept(row, 0.51).keys()]).toEqual([0, 1, 3, 4]);
    });

    it("renormalises what it keeps", () => {
      const probabilities = kept(rowOf([0.5, 0.3, 1, 0.2]), 0.81);
      expect(probabilities.get(0)).toBeCloseTo(0.625, 6);
      expect(probabilities.get(1)).toBeCloseTo(0.375, 6);
    });

    it("is that of a full sort for any row and p", () => {
      // On a grid: logits that are apart by 10^-16 have weights that are apart by the rounding of exp.
      const logit = fc.oneof(
        fc.integer({ min: -8192, max: 8192 }).map((i) => i / 1024),
        fc.constantFrom(-1, 0, 1, -Infinity),
      );
      const rows = fc
        .array(logit, { minLength: 4, maxLength: 40 })
        .filter((row) => row.some((x, id) => id !== MASK && x > -Infinity));
      const mass = fc.double({ min: 0.001, max: 0.9999, noNaN: true });
      fc.assert(
        fc.property(rows, mass, (logits, topP) => {
          const row = Float32Array.from(logits);
          const { kept: expected, margin } = fullSort(row, MASK, topP);
          fc.pre(margin > 1e-12);
          const actual = kept(row, topP);
          expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
          for (const [id, p] of expected) expect(actual.get(id)).toBeCloseTo(p, 12);
        }),
        { numRuns: 500 },
      );
    });

    it("at p = 1 keeps everything but the mask", () => {
      expect([...kept(rowOf([0.5, 1e-30, 1, 0.2]), 1).keys()]).toEqual([0, 1, 3]);
    });
  });

  describe("a draw", () => {
    it.each([1, 0.75])(
      "has the row's distribution at p = %d (a false alarm in 10^5 seeds)",
      (topP) => {
        const row = rowOf([0.35, 0.2, 5, 0.15, 0.1, 0.1, 0.06, 0.04]);
        const rows = sampler(row.length, topP);
        const noise = new PhiloxNoise(3n);
        const counts = new Map<string, number>();
        for (let position = 0; position < 20_000; position++) {
          const { token } = rows.draw(row, { sample: 0, step: 0, position }, noise);
          counts.set(String(token), (counts.get(String(token)) ?? 0) + 1);
        }
        const expected = new Map(
          [...fullSort(row, MASK, topP < 1 ? topP : Infinity).kept].map(([id, p]) => [
            String(id),
            p,
          ]),
        );
        expect(goodnessOfFit(counts, expected)).toBeGreaterThan(1e-5);
      },
    );

    it("gives the same token when the row has lost the tokens outside the nucleus", () => {
      const noise = new PhiloxNoise(4n);
      const uniform = (id: number) => noise.position(1, 1, id);
      const row = Float32Array.from({ length: 300 }, (_, id) => 6 * uniform(id));
      const inside = fullSort(row, MASK, 0.6).kept;
      const truncated = row.map((logit, id) => (inside.has(id) ? logit : -Infinity));
      const whole = sampler(row.length, 0.6);
      const cut = sampler(row.length, 1);
      for (let position = 0; position < 200; position++) {
        const address = { ...at, position };
        const expected = whole.draw(row, address, noise);
        const actual = cut.draw(truncated, address, noise);
        expect(actual.token).toBe(expected.token);
        expect(actual.probability).toBeCloseTo(expected.probability, 12);
      }
    });

    it.each([1, 0.9, 0.3])("is the plain race over the plain nucleus at p = %d", (topP) => {
      const rows = sampler(3000, topP);
      for (let seed = 0n; seed < 30n; seed++) {
        const noise = new PhiloxNoise(seed);
        const spread = [0.01, 3, 20][Number(seed) % 3];
        const row = Float32Array.from(
          { length: 3000 },
          (_, id) => spread * noise.position(0, 0, id),
        );
        expect(rows.draw(row, at, noise).token).toBe(plainDraw(row, topP, noise));
      }
    });

    it("gives the same with noise that comes token by token and all at once", () => {
      const row = Float32Array.from({ length: 500 }, (_, id) => Math.sin(id));
      for (let seed = 0n; seed < 50n; seed++) {
        const noise = new PhiloxNoise(seed);
        const single: NoiseSource = {
          position: (...address) => noise.position(...address),
          token: (...address) => noise.token(...address),
        };
        const rows = sampler(500, 0.8);
        expect(rows.draw(row, at, single)).toEqual(rows.draw(row, at, noise));
      }
    });

    it("works in the memory that it has", () => {
      const rows = sampler(2000, 0.9);
      const noise = new PhiloxNoise(1n);
      const row = Float32Array.from({ length: 2000 }, (_, id) => Math.sin(id));
      rows.draw(row, at, noise);
      const before = process.memoryUsage().arrayBuffers;
      for (let i = 0; i < 100; i++) rows.draw(row, at, noise);
      expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before);
    });

    it("does not care what the mask's column says", () => {
      const row = rowOf([0.5, 0.3, 1, 0.2]);
      const rows = sampler(4, 0.9);
      const noise = new PhiloxNoise(1n);
      const expected = rows.draw(row, at, noise);
      for (const mask of [NaN, Infinity, -Infinity, 1e30]) {
        expect(rows.draw(row.with(MASK, mask), at, noise)).toEqual(expected);
      }
    });

    it.each([1, 0.9])("copes with two tokens and with one that is not the mask, p = %d", (topP) => {
      const rows = new RowSampler({ vocabSize: 2, maskId: 1 }, { topP }, implementation);
      const noise = new PhiloxNoise(1n);
      const certain = { token: 0, probability: 1, logProbability: 0, lead: Infinity };
      for (const mask of [NaN, Infinity, -Infinity, 0, 5]) {
        expect(rows.draw(Float32Array.of(-7, mask), at, noise)).toEqual(certain);
      }
    });

    it("withstands logits of any size", () => {
      const { token, probability } = sampler(4, 0.9).draw(
        Float32Array.of(3e38, -3e38, 0, 2e38),
        at,
        new PhiloxNoise(1n),
      );
      expect({ token, probability }).toEqual({ token: 0, probability: 1 });
    });
  });

  describe("argmax", () => {
    it("gives the likeliest token that is not the mask, of equals the lowest", () => {
      const rows = sampler(5, 1);
      expect(rows.argmax(Float32Array.of(1, 3, 9, 3, 2), at).token).toBe(1);
      // Apart by less than a softmax in doubles can tell.
      expect(rows.argmax(Float32Array.of(0, 1e-20, 9, -1, -1), at).token).toBe(1);
    });
  });

  describe("a row that is no distribution", () => {
    const bad: [string, Float32Array, RegExp][] = [
      ["NaN", Float32Array.of(0, NaN, 0, 0), /holds NaN for token 1/],
      ["Infinity", Float32Array.of(0, 0, 0, Infinity), /holds Infinity for token 3/],
      ["no possible token", new Float32Array(4).fill(-Infinity), /gives no token a chance/],
      ["too few columns", new Float32Array(3), /has 3 columns instead of 4/],
      ["too many columns", new Float32Array(5), /has 5 columns instead of 4/],
    ];
    it.each(bad)("%s is refused, with its place", (_, row, message) => {
      const rows = sampler(4, 0.9);
      const noise = new PhiloxNoise(1n);
      for (const use of [() => rows.draw(row, at, noise), () => rows.argmax(row, at)]) {
        expect(use).toThrow(message);
        expect(use).toThrow(/sample 7, step 8, position 9/);
        expect(use).toThrow(expect.objectContaining({ code: "denoiser_invalid" }));
      }
    });
  });

  it("is the one that was asked for", () => {
    expect(sampler(4, 0.9).implementation).toBe(implementation);
  });
});
