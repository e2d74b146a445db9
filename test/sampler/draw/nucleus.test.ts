import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Nucleus } from "../../../src/sampler/draw/nucleus.ts";
import { fullSort } from "../support/fullSort.ts";
import { logitGrid } from "../support/logitGrid.ts";

const MASK = 2;

function select(
  row: Float32Array,
  topP: number,
  quirks: "original" | "paper",
): Map<number, number> {
  const nucleus = new Nucleus(row.length, MASK, { topP, quirks });
  const max = row.reduce((most, x, id) => (id === MASK ? most : Math.max(most, x)), -Infinity);
  nucleus.select(row, max);
  const ids = nucleus.ids.subarray(0, nucleus.size);
  return new Map(Array.from(ids, (id) => [id, nucleus.weights[id] / nucleus.mass]));
}

const kinds: [string, fc.Arbitrary<number>][] = [
  ["ordinary logits", logitGrid(4096, 12)],
  ["many ties", logitGrid(3, 2)],
  ["an almost flat row", logitGrid(8192, 2 ** -10)],
  ["a huge spread", logitGrid(64, 600)],
  ["ruled-out tokens", fc.oneof(fc.constant(-Infinity), logitGrid(16, 1))],
];
const mass = fc.oneof(
  fc.double({ min: 0.001, max: 0.9999, noNaN: true }),
  fc.constantFrom(1e-9, 0.5, 0.9, 1 - 1e-9),
);

describe.each(["original", "paper"] as const)("the selection (%s)", (quirks) => {
  it.each(kinds)("keeps what a full sort keeps of %s", (_, logit) => {
    const rows = fc
      .array(logit, { minLength: 2, maxLength: 400, size: "max" })
      .filter((row) => row.some((x, id) => id !== MASK && x > -Infinity));
    fc.assert(
      fc.property(rows, mass, (logits, topP) => {
        const row = Float32Array.from(logits);
        const { kept, margin } = fullSort(row, MASK, topP, quirks);
        fc.pre(margin > 1e-12);
        const selected = select(row, topP, quirks);
        expect([...selected.keys()]).toEqual([...kept.keys()].sort((v, w) => v - w));
        for (const [id, p] of kept)
          expect(Math.abs((selected.get(id) ?? 0) / p - 1)).toBeLessThan(1e-12);
      }),
      { numRuns: 150 },
    );
  });

  it("finds the end of a nucleus that a sample of the row does not show", () => {
    // Only ids that are no multiple of 16 have mass that counts, in a row with a long tail.
    const row = Float32Array.from({ length: 4000 }, (_, id) => (id % 16 === 0 ? 2 : id / 4000));
    const flat = row.map((x, id) => (id % 16 === 0 ? x : 1.9 + x / 1000));
    for (const it of [row, flat]) {
      const { kept } = fullSort(it, MASK, 0.87, quirks);
      expect([...select(it, 0.87, quirks).keys()]).toEqual([...kept.keys()].sort((v, w) => v - w));
    }
  });

  it("comes to an end when p is the last number below 1", () => {
    for (let rounding = 0; rounding < 300; rounding++) {
      const row = Float32Array.from({ length: 50 }, (_, id) => Math.sin(id * rounding));
      expect(select(row, 1 - 2 ** -53, quirks).size).toBeGreaterThanOrEqual(48);
    }
  });

  it("divides a row of equal logits by their ids", () => {
    const ids = [...select(new Float32Array(1001).fill(-3), 0.5004, quirks).keys()];
    expect(ids).toHaveLength(quirks === "paper" ? 501 : 500);
    expect(ids.at(-1)).toBe(quirks === "paper" ? 501 : 500);
  });

  it("keeps all of two tokens or the likelier one", () => {
    const row = Float32Array.of(0, 1);
    expect([...select(row, 0.7, quirks).keys()]).toEqual([1]);
    expect([...select(row, 0.8, quirks).keys()]).toEqual(quirks === "paper" ? [0, 1] : [1]);
    expect([...select(row, 1, quirks).keys()]).toEqual([0, 1]);
  });

  it("counts weights that are equal over the whole row as ties, exactly at p", () => {
    const ids = [...select(new Float32Array(9).fill(7), 0.5, quirks).keys()];
    expect(ids).toEqual([0, 1, 3, 4]);
  });
});
