import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { RowSampler, type TopRow } from "../../../src/sampler/draw/rowSampler.ts";
import { PhiloxNoise, type NoiseSource } from "../../../src/sampler/index.ts";
import { fullSort } from "../support/fullSort.ts";
import { logitGrid } from "../support/logitGrid.ts";

const at = { sample: 7, step: 8, position: 9 };
const implementations = ["kernel", "plain"] as const;

/**
 * The smallest set of tokens with a mass > p, with all ties of its last one, and the tokens that `extra` picks.
 * @returns also how near a cumulative probability comes to p.
 */
function topOf(
  row: Float32Array,
  maskId: number,
  topP: number,
  extra: (id: number) => boolean,
): TopRow & { readonly margin: number } {
  const ids = [...row.keys()].filter((id) => id !== maskId && row[id] > -Infinity);
  const max = ids.reduce((most, id) => Math.max(most, row[id]), -Infinity);
  const weight = (id: number) => Math.exp(row[id] - max);
  const total = ids.reduce((sum, id) => sum + weight(id), 0);
  let mass = 0;
  let edge = Infinity;
  for (const id of ids.toSorted((v, w) => row[w] - row[v])) {
    if (mass > topP * total) break;
    mass += weight(id);
    edge = row[id];
  }
  const listed = ids.filter((id) => row[id] >= edge || extra(id));
  const others = ids.filter((id) => !listed.includes(id));
  return {
    ids: Int32Array.from(listed),
    logits: Float32Array.from(listed, (id) => row[id]),
    rest: others.reduce((sum, id) => sum + weight(id), 0),
    logMass: max + Math.log(total),
    margin: fullSort(row, maskId, topP).margin,
  };
}

const kinds: [string, fc.Arbitrary<number>][] = [
  ["ordinary logits", logitGrid(4096, 12)],
  ["many ties", logitGrid(3, 2)],
  ["an almost flat row", logitGrid(8192, 2 ** -10)],
  ["ruled-out tokens", fc.oneof(fc.constant(-Infinity), logitGrid(16, 4))],
];
const mass = fc.oneof(
  fc.double({ min: 0.001, max: 0.9999, noNaN: true }),
  fc.constantFrom(1e-9, 0.5, 0.9, 1 - 1e-9, 1),
);

describe.each(implementations)("a top row (%s)", (implementation) => {
  describe.each(["original", "paper"] as const)("under %s", (quirks) => {
    it.each(kinds)("gives what the whole row gives, for %s", (_, logit) => {
      const rows = fc.array(logit, { minLength: 2, maxLength: 300, size: "max" });
      fc.assert(
        fc.property(rows, fc.nat(), mass, fc.nat(5), (logits, place, topP, every) => {
          const row = Float32Array.from(logits);
          const maskId = place % row.length;
          fc.pre(row.some((x, id) => id !== maskId && x > -Infinity));
          const top = topOf(row, maskId, topP, (id) => every > 0 && id % (3 * every) === 0);
          fc.pre(topP === 1 || top.margin > 1e-12);
          const sampler = new RowSampler(
            { vocabSize: row.length, maskId },
            { topP, quirks },
            implementation,
          );
          for (let seed = 0n; seed < 5n; seed++) {
            const noise = new PhiloxNoise(seed);
            const expected = sampler.draw(row, at, noise);
            const actual = sampler.drawTop(top, at, noise);
            expect(actual.token).toBe(expected.token);
            expect(Math.abs(actual.probability / expected.probability - 1)).toBeLessThan(1e-14);
            expect(actual.logProbability).toBeCloseTo(expected.logProbability, 12);
          }
          const [likeliest, same] = [sampler.argmaxTop(top, at), sampler.argmax(row, at)];
          expect(likeliest.logProbability).toBeCloseTo(same.logProbability, 12);
          expect({ ...likeliest, logProbability: 0 }).toEqual({ ...same, logProbability: 0 });
        }),
        { numRuns: 150 },
      );
    });
  });

  it("leaves nothing behind for the next row, whole or top", () => {
    const used = new RowSampler({ vocabSize: 500, maskId: 499 }, { topP: 0.8 }, implementation);
    const noise = new PhiloxNoise(2n);
    for (let step = 0; step < 40; step++) {
      const row = Float32Array.from({ length: 500 }, (_, id) => 5 * noise.position(0, step, id));
      const top = topOf(row, 499, 0.8, () => false);
      const fresh = new RowSampler({ vocabSize: 500, maskId: 499 }, { topP: 0.8 }, implementation);
      expect(used.draw(row, at, noise)).toEqual(fresh.draw(row, at, noise));
      expect(used.drawTop(top, at, noise)).toEqual(fresh.drawTop(top, at, noise));
    }
  });

  it("may be drawn from with any noise", () => {
    const noise = new PhiloxNoise(1n);
    const single: NoiseSource = {
      position: (...address) => noise.position(...address),
      token: (...address) => noise.token(...address),
    };
    const sampler = new RowSampler({ vocabSize: 9, maskId: 4 }, { topP: 0.9 }, implementation);
    const row = {
      ids: Int32Array.of(0, 3, 8),
      logits: Float32Array.of(1, 2, 1.5),
      rest: 0.01,
      logMass: 2.8,
    };
    expect(sampler.drawTop(row, at, single)).toEqual(sampler.drawTop(row, at, noise));
  });

  it("may have all tokens but the mask", () => {
    const sampler = new RowSampler({ vocabSize: 2, maskId: 0 }, { topP: 1 }, implementation);
    const row = { ids: Int32Array.of(1), logits: Float32Array.of(-80), rest: 0, logMass: -80 };
    expect(sampler.drawTop(row, at, new PhiloxNoise(1n))).toEqual({
      token: 1,
      probability: 1,
      logProbability: 0,
      lead: Infinity,
    });
  });

  const row = (ids: number[], logits: number[], rest = 0, logMass = 1): TopRow => ({
    ids: Int32Array.from(ids),
    logits: Float32Array.from(logits),
    rest,
    logMass,
  });
  const bad: [string, TopRow, RegExp][] = [
    ["no token", row([], []), /gives no token a chance/],
    ["no possible token", row([0, 1], [-Infinity, -Infinity]), /gives no token a chance/],
    ["NaN", row([0, 3], [0, NaN]), /holds NaN for token 3/],
    ["NaN first", row([1, 3], [NaN, 0]), /holds NaN for token 1/],
    ["Infinity", row([0, 3], [0, Infinity]), /holds Infinity for token 3/],
    ["a negative rest", row([0, 3], [0, 0], -1e-9), /leaves out a mass of -1e-9/],
    ["an infinite rest", row([0, 3], [0, 0], Infinity), /leaves out a mass of Infinity/],
    ["a rest that is NaN", row([0, 3], [0, 0], NaN), /leaves out a mass of NaN/],
    ["a log mass below a logit", row([0, 3], [0, 0], 0, -1), /log mass of -1, and 0 as its larg/],
    ["an infinite log mass", row([0, 3], [0, 0], 0, Infinity), /a log mass of Infinity/],
    ["a log mass that is NaN", row([0, 3], [0, 0], 0, NaN), /a log mass of NaN/],
    ["ids that descend", row([3, 0], [0, 0]), /lists token 0 after 3/],
    ["an id twice", row([1, 1], [0, 0]), /lists token 1 after 1/],
    ["a negative id", row([-1, 1], [0, 0]), /lists token -1/],
    ["an id that is no column", row([0, 4], [0, 0]), /lists token 4 after 0, of 4/],
    ["the mask", row([0, 2], [0, 0]), /lists token 2 after 0, of 4 with mask 2/],
    ["fewer logits than ids", row([0, 1], [0]), /has 2 tokens and 1 logits/],
  ];
  it.each(bad)("with %s is refused, with its place", (_, top, message) => {
    const sampler = new RowSampler({ vocabSize: 4, maskId: 2 }, { topP: 0.9 }, implementation);
    const noise = new PhiloxNoise(1n);
    for (const use of [() => sampler.drawTop(top, at, noise), () => sampler.argmaxTop(top, at)]) {
      expect(use).toThrow(message);
      expect(use).toThrow(/sample 7, step 8, position 9/);
      expect(use).toThrow(expect.objectContaining({ code: "denoiser_invalid" }));
    }
  });

  it("that ends before p is refused, as the nucleus may go on in what it lacks", () => {
    const noise = new PhiloxNoise(1n);
    const short = row([0, 3], [0, 0], 0.5);
    const draw = (topP: number) =>
      new RowSampler({ vocabSize: 4, maskId: 2 }, { topP }, implementation).drawTop(
        short,
        at,
        noise,
      );
    expect(draw(0.79).probability).toBeGreaterThan(0);
    expect(() => draw(0.81)).toThrow(/lists tokens of mass 0.8, too few for p = 0.81/);
  });
});
