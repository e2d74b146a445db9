/** Temperature, top-k and nucleus of single rows, against a distribution that is computed by the definition. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { DrawRule } from "../../../src/sampler/draw/drawRule.ts";
import { RowSampler, type TopRow } from "../../../src/sampler/draw/rowSampler.ts";
import { PhiloxNoise, type NoiseSource } from "../../../src/sampler/index.ts";
import { goodnessOfFit } from "../support/chiSquare.ts";
import { logitGrid } from "../support/logitGrid.ts";

const MASK = 2;
const at = { sample: 1, step: 2, position: 3 };

interface Oracle {
  readonly kept: ReadonlyMap<number, number>;
  /** How near a cumulative probability comes to p. */
  readonly margin: number;
}

/** The distribution by the definition: divide, sort, take k, renormalise, take p, renormalise. */
function oracle(row: ArrayLike<number>, rule: DrawRule): Oracle {
  const { topP, temperature = 1, topK = Infinity, quirks = "original" } = rule;
  const ids = Array.from(row, (_, id) => id).filter((id) => id !== MASK && row[id] > -Infinity);
  const ranked = ids.sort((v, w) => row[w] - row[v] || v - w);
  if (temperature === 0) return { kept: new Map([[ranked[0], 1]]), margin: 1 };
  const weight = (id: number) => Math.exp((row[id] - row[ranked[0]]) / temperature);
  // At a high temperature other logits have the same weight: their order is then that of their ids.
  const some = ranked.slice(0, topK).sort((v, w) => weight(w) - weight(v) || v - w);
  const weights = some.map(weight);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  let margin = topP === 1 ? 1 : Infinity;
  const size = weights.findIndex((weight, i) => {
    const after = before + weight / total;
    const isOut = topP < 1 && i > 0 && (quirks === "paper" ? before >= topP : after > topP);
    if (topP < 1) margin = Math.min(margin, Math.abs(after - topP));
    before = after;
    return isOut;
  });
  const kept = some.slice(0, size < 0 ? some.length : size).filter((_, i) => weights[i] > 1e-307);
  const mass = kept.reduce((sum, _, i) => sum + weights[i], 0);
  return { kept: new Map(kept.map((id, i) => [id, weights[i] / mass])), margin };
}

/** The log-probability in the whole row. */
function logProbability(row: ArrayLike<number>, id: number): number {
  const others = Array.from(row).filter((logit, v) => v !== MASK && logit > -Infinity);
  const max = Math.max(...others);
  const total = others.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
  return row[id] - max - Math.log(total);
}

/** What a denoiser may send of a row: what a draw can take, with all equals of the last. */
function topOf(row: Float32Array, rule: DrawRule): TopRow {
  const { topP, temperature = 1, topK = Infinity } = rule;
  const ids = [...row.keys()].filter((id) => id !== MASK && row[id] > -Infinity);
  const some = ids.toSorted((v, w) => row[w] - row[v]).slice(0, topK);
  const weight = (id: number) => Math.exp((row[id] - row[some[0]]) / (temperature || 1));
  const sum = (part: readonly number[]) => part.reduce((total, id) => total + weight(id), 0);
  const goal = topP === 1 ? Infinity : (topP + 1e-9) * sum(some);
  const last = some.find((_, i) => sum(some.slice(0, i + 1)) > goal) ?? some[some.length - 1];
  const kth = row[some[some.length - 1]];
  const listed = ids.filter((id) => weight(id) >= weight(last) && row[id] >= kth);
  return {
    ids: Int32Array.from(listed),
    logits: Float32Array.from(listed, (id) => row[id]),
    rest: sum(some.filter((id) => !listed.includes(id))),
    logMass: row[some[0]] - logProbability(row, some[0]),
  };
}

/** Noise under which a token wins whenever it can be drawn at all. */
const favouring = (favourite: number): NoiseSource => ({
  position: () => 0,
  token: (_sample, _step, _position, token) => (token === favourite ? 1e-300 : 0.9),
});

const rules = fc.record({
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 0.99, noNaN: true })),
  temperature: fc.oneof(
    fc.constantFrom(0, 5e-324, 1e-300, 0.05, 1, 100, 1e300),
    fc.double({ min: 0.1, max: 10, noNaN: true }),
  ),
  topK: fc.option(fc.integer({ min: 1, max: 45 }), { nil: undefined }),
  quirks: fc.constantFrom("original", "paper"),
});
const kinds: [string, fc.Arbitrary<number>][] = [
  ["ordinary logits", logitGrid(1024, 8)],
  ["many equals", logitGrid(2, 2)],
  ["tokens that are ruled out", fc.oneof(fc.constant(-Infinity), logitGrid(64, 4))],
];

describe.each(["kernel", "plain"] as const)("the %s implementation", (implementation) => {
  const sampler = (vocabSize: number, rule: DrawRule) =>
    new RowSampler({ vocabSize, maskId: MASK }, rule, implementation);

  it.each(kinds)(
    "draws from the distribution of the definition, whole and top rows: %s",
    (_, l) => {
      const rows = fc
        .array(l, { minLength: 4, maxLength: 40 })
        .filter((row) => row.some((x, id) => id !== MASK && x > -Infinity));
      fc.assert(
        fc.property(rows, rules, (logits, rule) => {
          const row = Float32Array.from(logits).with(MASK, 50);
          const { kept, margin } = oracle(row, rule);
          fc.pre(margin > 1e-7);
          const draws = sampler(row.length, rule);
          const top = topOf(row, rule);
          for (const id of row.keys()) {
            for (const drawn of [
              draws.draw(row, at, favouring(id)),
              draws.drawTop(top, at, favouring(id)),
            ]) {
              expect(drawn.token === id).toBe(kept.has(id));
              expect(drawn.probability).toBeCloseTo(kept.get(drawn.token) ?? NaN, 10);
              expect(drawn.logProbability).toBeCloseTo(logProbability(row, drawn.token), 10);
            }
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  const row = Float32Array.of(1.2, 0.3, 9, 0.3, -0.5, 1.1, -2, 0.3);
  const cells = [1, 0.3, 2].flatMap((temperature) =>
    [undefined, 3, 4].flatMap((topK) =>
      [1, 0.75].map((topP): DrawRule => ({ topP, temperature, topK })),
    ),
  );
  it.each(cells)("has it in many draws too: %j (a false alarm in 10^5 seeds)", (rule) => {
    const draws = sampler(row.length, rule);
    const noise = new PhiloxNoise(5n);
    const counts = new Map<string, number>();
    for (let position = 0; position < 10_000; position++) {
      const { token } = draws.draw(row, { ...at, position }, noise);
      counts.set(String(token), (counts.get(String(token)) ?? 0) + 1);
    }
    const exact = [...oracle(row, rule).kept].map(([id, p]): [string, number] => [String(id), p]);
    expect(goodnessOfFit(counts, new Map(exact))).toBeGreaterThan(1e-5 / cells.length);
  });

  it("changes no bit at temperature 1 with as many tokens as there are", () => {
    const noise = new PhiloxNoise(2n);
    for (const topP of [1, 0.8]) {
      const plain = sampler(8, { topP });
      for (const topK of [7, 8, 50_000]) {
        const said = sampler(8, { topP, temperature: 1, topK });
        for (let step = 0; step < 50; step++) {
          const address = { ...at, step };
          expect(said.draw(row, address, noise)).toEqual(plain.draw(row, address, noise));
        }
      }
    }
  });

  it.each([{ temperature: 0 }, { topK: 1 }, { topK: 1, temperature: 7 }])(
    "takes the likeliest token, of equals the lowest id, with %j",
    (rule) => {
      const tied = Float32Array.of(0, 3, 9, 3, 3);
      const draws = sampler(5, { topP: 0.9, ...rule });
      const expected = {
        ...{ token: 1, probability: 1, lead: Infinity },
        logProbability: logProbability(tied, 1),
      };
      for (const favourite of tied.keys()) {
        const { logProbability: log, ...drawn } = draws.draw(tied, at, favouring(favourite));
        expect({ ...drawn, logProbability: expected.logProbability }).toEqual(expected);
        expect(log).toBeCloseTo(expected.logProbability, 12);
        expect(draws.draw(tied, at, favouring(favourite))).toEqual(draws.argmax(tied, at));
      }
    },
  );

  it("keeps k tokens and no more where equals meet the edge, the lowest ids", () => {
    const equal = new Float32Array(9);
    const kept = (topK: number) => {
      const draws = sampler(9, { topP: 1, topK });
      return [...equal.keys()].filter((id) => draws.draw(equal, at, favouring(id)).token === id);
    };
    expect(kept(3)).toEqual([0, 1, 3]);
    expect(kept(5)).toEqual([0, 1, 3, 4, 5]);
  });

  it("compares logits, not weights, which are all 1 at a high temperature", () => {
    const close = Float32Array.of(1e-30, 2e-30, 0, 3e-30, 4e-30);
    const draws = sampler(5, { topP: 1, topK: 2, temperature: 1e300 });
    const kept = [...close.keys()].filter(
      (id) => draws.draw(close, at, favouring(id)).token === id,
    );
    expect(kept).toEqual([3, 4]);
  });

  it("tends to the likeliest tokens, evenly, as the temperature falls to 0", () => {
    const tied = Float32Array.of(0, 3, 9, 3, 2.999);
    for (const temperature of [1e-7, 1e-300, 5e-324]) {
      const draws = sampler(5, { topP: 1, temperature });
      for (const id of [1, 3]) {
        expect(draws.draw(tied, at, favouring(id))).toMatchObject({ token: id, probability: 0.5 });
      }
      expect([1, 3]).toContain(draws.draw(tied, at, favouring(4)).token);
    }
  });

  it("tends to all tokens of a finite logit, evenly, as it grows", () => {
    const apart = Float32Array.of(0, 300, 9, -Infinity, -300);
    for (const temperature of [1e20, 1e300, Number.MAX_VALUE]) {
      const draws = sampler(5, { topP: 1, temperature });
      for (const id of [0, 1, 4]) {
        const { token, probability } = draws.draw(apart, at, favouring(id));
        expect(token).toBe(id);
        expect(probability).toBeCloseTo(1 / 3, 12);
      }
      expect(draws.draw(apart, at, favouring(3)).token).not.toBe(3);
    }
  });

  it.each([{ temperature: 0 }, { topK: 1 }, { topK: 2 }, { temperature: 1e-300 }, { topK: 3 }])(
    "refuses rows without a distribution with %j, and looks at no mask",
    (rule) => {
      const draws = sampler(5, { topP: 0.9, ...rule });
      const noise = new PhiloxNoise(1n);
      const draw = (...logits: number[]) => draws.draw(Float32Array.from(logits), at, noise);
      expect(() => draw(0, NaN, 0, 0, 0)).toThrow(/holds NaN for token 1/);
      expect(() => draw(0, 0, 0, Infinity, 0)).toThrow(/holds Infinity for token 3/);
      const none = [-Infinity, -Infinity, 5, -Infinity, -Infinity];
      expect(() => draw(...none)).toThrow(/gives no token a chance/);
      for (const mask of [NaN, Infinity, 1e38]) {
        expect(draw(0, 500, mask, -Infinity, -500)).toEqual({
          token: 1,
          probability: 1,
          logProbability: 0,
          lead: Infinity,
        });
      }
    },
  );

  it("has fewer than k tokens where fewer have a chance", () => {
    const draws = sampler(5, { topP: 1, topK: 3 });
    const two = Float32Array.of(0, -Infinity, 9, -Infinity, 0);
    for (const id of [0, 4]) {
      expect(draws.draw(two, at, favouring(id))).toMatchObject({ token: id, probability: 0.5 });
    }
  });
});
