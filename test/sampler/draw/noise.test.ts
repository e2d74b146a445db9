import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PhiloxNoise } from "../../../src/sampler/draw/noise.ts";
import { philox4x32 } from "../../../src/sampler/draw/philox.ts";
import { goodnessOfFit } from "../support/chiSquare.ts";

const small = fc.nat(2 ** 20);
const sampleIndex = fc.nat(2 ** 31 - 1);

describe("the default noise", () => {
  it("lies in [0, 1) and depends on its address alone, not on what was drawn before", () => {
    const used = new PhiloxNoise(5n);
    fc.assert(
      fc.property(sampleIndex, small, small, small, (sample, step, position, token) => {
        const fresh = new PhiloxNoise(5n);
        const event = used.event(sample, step, position);
        const gumbel = used.token(sample, step, position, token);
        expect(fresh.token(sample, step, position, token)).toBe(gumbel);
        expect(fresh.event(sample, step, position)).toBe(event);
        for (const u of [event, gumbel]) {
          expect(u).toBeGreaterThanOrEqual(0);
          expect(u).toBeLessThan(1);
        }
      }),
    );
  });

  it("follows the documented counter layout, 53 bits a double, two doubles a block", () => {
    const seed = 0x0123456789abcdefn;
    const noise = new PhiloxNoise(seed);
    // 27 bits of the first word and 26 of the second.
    const documented = (c0: number, c1: number, c2: number, c3: number, half: number) => {
      const out = new Uint32Array(4);
      philox4x32(out, c0, c1, c2, c3, 0x89abcdef, 0x01234567);
      const high = BigInt(out[2 * half] >>> 5);
      const low = BigInt(out[2 * half + 1] >>> 6);
      return Number((high << 26n) | low) / 2 ** 53;
    };
    expect(noise.event(3, 4, 10)).toBe(documented(5, 0, 4, 3, 0));
    expect(noise.event(3, 4, 11)).toBe(documented(5, 0, 4, 3, 1));
    expect(noise.token(3, 4, 10, 8)).toBe(documented(4, 10, 4, 3 + 2 ** 31, 0));
    expect(noise.token(3, 4, 10, 9)).toBe(documented(4, 10, 4, 3 + 2 ** 31, 1));
  });

  it("gives the same numbers for many tokens at once", () => {
    const noise = new PhiloxNoise(0xfedcba9876543210n);
    const tokens = fc.uniqueArray(fc.nat(60), { minLength: 1 });
    fc.assert(
      fc.property(sampleIndex, small, small, tokens, (sample, step, position, chosen) => {
        const ids = Int32Array.from(chosen).sort();
        const out = new Float64Array(ids.length + 1).fill(-1);
        noise.tokens(sample, step, position, ids, ids.length, out);
        const expected = Array.from(ids, (id) => noise.token(sample, step, position, id));
        expect([...out]).toEqual([...expected, -1]);
      }),
    );
  });

  it("never repeats a draw over samples, steps, positions, tokens, streams and seeds", () => {
    const draws = new Set<number>();
    let count = 0;
    const note = (u: number) => {
      draws.add(u);
      count++;
    };
    for (const seed of [0n, 1n, 2n ** 32n, 2n ** 64n - 1n]) {
      const noise = new PhiloxNoise(seed);
      for (let sample = 0; sample < 6; sample++) {
        for (let step = 0; step < 6; step++) {
          for (let position = 0; position < 6; position++) {
            note(noise.event(sample, step, position));
            for (let token = 0; token < 6; token++)
              note(noise.token(sample, step, position, token));
          }
        }
      }
    }
    expect(draws.size).toBe(count);
  });

  it("is uniform over neighbouring positions and tokens (a false alarm in 10^5 seeds)", () => {
    const noise = new PhiloxNoise(9n);
    const bins = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      for (const u of [noise.event(0, 1, i), noise.token(0, 1, 2, i)]) {
        const bin = String(Math.floor(u * 50));
        bins.set(bin, (bins.get(bin) ?? 0) + 1);
      }
    }
    const even = new Map(Array.from({ length: 50 }, (_, bin) => [String(bin), 1 / 50]));
    expect(goodnessOfFit(bins, even)).toBeGreaterThan(1e-5);
  });
});
