import { expect, it } from "@jest/globals";
import fc from "fast-check";
import { Largest } from "../../../src/sampler/draw/largest.ts";

/** The places of the k largest by a full sort, of equals the first; -Infinity is never among them. */
function sorted(logits: Float32Array, k: number, except: number): number[] {
  return [...logits.keys()]
    .filter((i) => i !== except && logits[i] > -Infinity)
    .sort((i, j) => logits[j] - logits[i] || i - j)
    .slice(0, k)
    .sort((i, j) => i - j);
}

const logitsOf: Readonly<Record<string, fc.Arbitrary<number>>> = {
  usual: fc.float({ min: -12, max: 12, noNaN: true }),
  "any size": fc.float({ noNaN: true }).map((x) => (x === Infinity ? 0 : x)),
  tied: fc.integer({ min: -2, max: 2 }),
  "around zero": fc.constantFrom(0, -0, 1e-45, -1e-45, 1e-38, -1e-38, -Infinity),
  "apart in the last bit": fc.integer({ min: 0, max: 40 }).map((i) => 3 + i * 2 ** -22),
};

it.each(Object.entries(logitsOf))("the k largest are those of a full sort: %s", (_, logit) => {
  const rows = fc.array(logit, { minLength: 1, maxLength: 300, size: "max" });
  fc.assert(
    fc.property(rows, fc.nat(), fc.nat(), fc.boolean(), (numbers, count, place, hasMask) => {
      const logits = Float32Array.from(numbers);
      const k = 1 + (count % logits.length);
      const except = hasMask ? place % logits.length : -1;
      if (hasMask) logits[except] = [NaN, Infinity, 1e30][place % 3];
      const largest = new Largest(logits.length, k);
      for (let again = 0; again < 2; again++) {
        largest.find(logits, except);
        expect([...largest.places.subarray(0, largest.size)]).toEqual(sorted(logits, k, except));
      }
    }),
    { numRuns: 300 },
  );
});

it("a part of a larger array is read from where it begins, and shorter rows follow longer ones", () => {
  const all = Float32Array.of(9, 9, 1, 4, 2, 9);
  const largest = new Largest(6, 2);
  largest.find(all);
  expect([...largest.places.subarray(0, largest.size)]).toEqual([0, 1]);
  largest.find(all.subarray(2, 5));
  expect([...largest.places.subarray(0, largest.size)]).toEqual([1, 2]);
  largest.find(Float32Array.of(-Infinity, 3));
  expect([...largest.places.subarray(0, largest.size)]).toEqual([1]);
});
