import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { RowSampler } from "../../../src/sampler/draw/rowSampler.ts";
import { weigh } from "../../../src/sampler/draw/exponential.ts";
import { PhiloxNoise } from "../../../src/sampler/index.ts";

type TokensArguments = Parameters<PhiloxNoise["tokens"]>;

const logitsOf: Readonly<Record<string, fc.Arbitrary<number>>> = {
  usual: fc.float({ min: -12, max: 12, noNaN: true }),
  flat: fc.float({ min: Math.fround(-0.01), max: Math.fround(0.01), noNaN: true }),
  tied: fc.integer({ min: -3, max: 3 }),
  equal: fc.constant(2.5),
  "far apart": fc.float({ min: Math.fround(-3e38), max: Math.fround(3e38), noNaN: true }),
  deep: fc.integer({ min: -800, max: 0 }),
  "ruled out": fc.oneof(fc.constant(-Infinity), fc.float({ min: -5, max: 5, noNaN: true })),
};
const lengths = fc.oneof(
  fc.integer({ min: 2, max: 20 }),
  fc.integer({ min: 250, max: 270 }),
  fc.integer({ min: 2, max: 1500 }),
);
const masses = fc.oneof(
  fc.double({ min: 1e-6, max: 1, noNaN: true }),
  fc.constantFrom(1, 0.9, 0.5, 0.25, 1e-9, 1 - 1e-12, 1 - 2 ** -53),
);
const temperatures = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  fc.double({ min: 0.01, max: 100, noNaN: true }),
  fc.constantFrom(0, 5e-324, 1e-300, 1e-3, 1, 1e3, 1e300, Number.MAX_VALUE),
);
const topKs = fc.oneof(
  { weight: 2, arbitrary: fc.constant(undefined) },
  fc.integer({ min: 1, max: 30 }),
  fc.integer({ min: 1, max: 2000 }),
);
const rules = fc.record({ topP: masses, temperature: temperatures, topK: topKs });
const seeds = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const addresses = fc.record({
  sample: fc.nat(2 ** 31 - 1),
  step: fc.nat(2 ** 31),
  position: fc.nat(2 ** 20),
});

describe.each(["original", "paper"] as const)("the kernel (%s)", (quirks) => {
  it.each(Object.entries(logitsOf))("draws bit for bit what plain code draws, %s", (_, logit) => {
    const cases = lengths.chain((length) =>
      fc.record({
        logits: fc.array(logit, { minLength: length, maxLength: length }),
        maskId: fc.nat(length - 1),
        mask: fc.constantFrom(NaN, Infinity, -Infinity, 0, 1e30),
      }),
    );
    fc.assert(
      fc.property(cases, rules, seeds, addresses, ({ logits, maskId, mask }, rule, seed, at) => {
        const row = Float32Array.from(logits).with(maskId, mask);
        fc.pre(row.some((x, id) => id !== maskId && x > -Infinity));
        const model = { vocabSize: row.length, maskId };
        const kernel = new RowSampler(model, { ...rule, quirks });
        const plain = new RowSampler(model, { ...rule, quirks }, "plain");
        expect([kernel.implementation, plain.implementation]).toEqual(["kernel", "plain"]);
        const noise = new PhiloxNoise(seed);
        for (let step = 0; step < 4; step++) {
          const address = { ...at, step: at.step + step };
          expect(kernel.draw(row, address, noise)).toEqual(plain.draw(row, address, noise));
        }
        expect(kernel.argmax(row, at)).toEqual(plain.argmax(row, at));
      }),
      { numRuns: 400 },
    );
  });
});

describe("noise that is derived from the default", () => {
  it("is asked for its numbers", () => {
    class Favouring extends PhiloxNoise {
      override token(_sample: number, _step: number, _position: number, token: number): number {
        return token === 7 ? 1e-300 : 0.9;
      }
      override tokens(...[sample, step, position, ids, count, out]: TokensArguments): void {
        for (let i = 0; i < count; i++) out[i] = this.token(sample, step, position, ids[i]);
      }
    }
    const rows = new RowSampler({ vocabSize: 300, maskId: 0 }, { topP: 0.9 });
    const at = { sample: 0, step: 0, position: 0 };
    expect(rows.draw(new Float32Array(300), at, new Favouring(1n)).token).toBe(7);
  });
});

describe("the last bit of a probability", () => {
  it("tells a sum that is taken in another order", () => {
    const model = { vocabSize: 2001, maskId: 2000 };
    const rows = new RowSampler(model, { topP: 1 });
    const noise = new PhiloxNoise(1n);
    const weights = new Float64Array(2001);
    let differ = 0;
    for (let step = 0; step < 50; step++) {
      const row = Float32Array.from({ length: 2001 }, (_, id) => 8 * noise.position(0, step, id));
      const { token, probability } = rows.draw(row, { sample: 0, step, position: 0 }, noise);
      const max = row.subarray(0, 2000).reduce((most, x) => Math.max(most, x));
      weigh(row, max, 1, 0, 2000, weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      expect(probability).toBeCloseTo(weights[token] / total, 12);
      if (probability !== weights[token] / total) differ++;
    }
    expect(differ).toBeGreaterThan(10);
  });
});

describe("a vocabulary of 2^20", () => {
  it.each([0.9, 1])("has the same draws at p = %d", (topP) => {
    const model = { vocabSize: 2 ** 20, maskId: 5 };
    const noise = new PhiloxNoise(3n);
    const kernel = new RowSampler(model, { topP });
    const plain = new RowSampler(model, { topP }, "plain");
    const row = Float32Array.from({ length: 2 ** 20 }, (_, id) => 9 * noise.position(0, 0, id));
    for (let step = 0; step < 5; step++) {
      const at = { sample: 0, step, position: 2 };
      expect(kernel.draw(row, at, noise)).toEqual(plain.draw(row, at, noise));
    }
    expect(kernel.implementation).toBe("kernel");
  });
});
