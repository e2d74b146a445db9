import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { philox4x32 } from "../../../src/sampler/draw/philox.ts";

/** `tests/kat_vectors` of Random123: counter, key, result. */
const KNOWN_ANSWERS = [
  [
    "00000000 00000000 00000000 00000000",
    "00000000 00000000",
    "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
  ],
  [
    "ffffffff ffffffff ffffffff ffffffff",
    "ffffffff ffffffff",
    "408f276d 41c83b0e a20bc7c6 6d5451fd",
  ],
  [
    "243f6a88 85a308d3 13198a2e 03707344",
    "a4093822 299f31d0",
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
] as const;

describe("Philox 4x32-10", () => {
  it.each(KNOWN_ANSWERS)("encrypts %s under %s as published", (counter, key, expected) => {
    const [c0, c1, c2, c3] = words(counter);
    const [k0, k1] = words(key);
    const out = new Uint32Array(4);
    philox4x32(out, c0, c1, c2, c3, k0, k1);
    expect([...out]).toEqual(words(expected));
  });

  const word = fc.oneof(
    fc.nat(2 ** 32 - 1),
    fc.constantFrom(0, 1, 0xffff, 0x10000, 2 ** 31, 2 ** 32 - 1),
  );

  it("is the published formula in integers of any size", () => {
    fc.assert(
      fc.property(word, word, word, word, word, word, (c0, c1, c2, c3, k0, k1) => {
        const out = new Uint32Array(4);
        philox4x32(out, c0, c1, c2, c3, k0, k1);
        expect([...out]).toEqual(published([c0, c1, c2, c3], [k0, k1]));
      }),
      { numRuns: 2000 },
    );
  });

  it("changes about half of the bits when one bit of the counter changes", () => {
    const blocks = [0, 1].map((c0) => {
      const out = new Uint32Array(4);
      philox4x32(out, c0, 7, 8, 9, 10, 11);
      return out;
    });
    const changed = [...blocks[0]].reduce((sum, word, i) => sum + bits(word ^ blocks[1][i]), 0);
    expect(changed).toBeGreaterThan(40);
    expect(changed).toBeLessThan(88);
  });
});

/** Section 3 of the paper with BigInt. */
function published(counter: readonly number[], key: readonly number[]): number[] {
  const low = (x: bigint) => x & 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd2511f53n * c0;
    const product1 = 0xcd9e8d57n * c2;
    [c0, c1] = [(product1 >> 32n) ^ c1 ^ k0, low(product1)];
    [c2, c3] = [(product0 >> 32n) ^ c3 ^ k1, low(product0)];
    k0 = low(k0 + 0x9e3779b9n);
    k1 = low(k1 + 0xbb67ae85n);
  }
  return [c0, c1, c2, c3].map(Number);
}

function words(hex: string): number[] {
  return hex.split(" ").map((word) => parseInt(word, 16));
}

function bits(word: number): number {
  return (word >>> 0).toString(2).replaceAll("0", "").length;
}
