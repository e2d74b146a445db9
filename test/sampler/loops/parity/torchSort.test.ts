// @part backend
/** The order of `torch.sort` on a CPU, equal numbers included, beside PyTorch itself. */
import { describe, expect, it } from "@jest/globals";
import { TorchSort } from "../../../../src/sampler/loops/parity/torchSort.ts";
import { describeUnless } from "../../../support/describeUnless.ts";
import { askTorch, type Question } from "../../support/pytorch.ts";
import { bfloat16Softmax, generator, quicksortKiller } from "../../support/tiedRows.ts";

const SIZES = [10, 16, 17, 18, 32, 33, 64, 513, 4097, 50_258];

function sorted(values: Float32Array): number[] {
  return [...new TorchSort(values.length).descending(values)];
}

const fiveValues = (size: number): Float32Array => {
  const uniform = generator(size);
  return Float32Array.from({ length: size }, () => Math.floor(5 * uniform()) / 8);
};

const stepped = (size: number, steps: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.floor((steps * i) / size));

const KINDS: [string, (size: number) => Float32Array][] = [
  ["all equal", (size) => new Float32Array(size).fill(1 / 512)],
  ["five values", fiveValues],
  ["a bfloat16 softmax", (size) => bfloat16Softmax(size, size)],
  ["one token alone", (size) => new Float32Array(size).fill(1, size - 3, size - 2)],
  ["rising in steps", (size) => stepped(size, 60)],
  ["falling in steps", (size) => stepped(size, -60)],
  ["five values and NaN", (size) => fiveValues(size).map((x, i) => (i % 11 === 3 ? NaN : x))],
];

describe("torch.sort(descending=True) on a CPU, which is not stable from 17 numbers on", () => {
  it("keeps equal numbers in their order up to 16, as an insertion sort does", () => {
    for (let size = 0; size <= 16; size++) {
      expect(sorted(new Float32Array(size))).toEqual(Array.from({ length: size }, (_, i) => i));
    }
  });

  // Recorded from PyTorch 2.13.0.
  it.each<[string, Float32Array, string]>([
    ["17 equal numbers", new Float32Array(17), "8 16 15 14 13 12 11 10 9 0 7 6 5 4 3 2 1"],
    [
      "33 equal numbers",
      new Float32Array(33),
      "25 17 18 19 20 21 22 23 24 16 26 27 28 29 30 31 32 0 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1",
    ],
    [
      "what quicksort is too deep for, the heapsort of 40 equal numbers",
      quicksortKiller(64),
      "1 63 3 0 5 2 7 4 9 6 11 8 13 10 15 12 17 14 19 16 21 18 23 20 " +
        "62 46 34 58 50 42 44 28 48 36 56 52 40 60 32 22 33 45 25 47 35 49 29 51 37 55 53 39 57 31 " +
        "59 41 61 27 43 24 26 30 38 54",
    ],
  ])("%s: as recorded", (_, values, order) => {
    expect(sorted(values).join(" ")).toBe(order);
  });

  it("is a permutation that falls, of distinct numbers the only one", () => {
    const uniform = generator(5);
    const values = Float32Array.from({ length: 3000 }, uniform);
    const order = sorted(values);
    expect([...order].sort((a, b) => a - b)).toEqual([...values.keys()]);
    expect(order).toEqual([...values.keys()].sort((a, b) => values[b] - values[a]));
  });

  it("forgets one row before the next", () => {
    const sort = new TorchSort(40);
    const first = [...sort.descending(new Float32Array(40))];
    sort.descending(fiveValues(40));
    expect([...sort.descending(new Float32Array(40))]).toEqual(first);
  });
});

const elsewhere =
  process.platform === "linux" ? undefined : "PyTorch's sort is another C++ library's here";

describeUnless(elsewhere, "beside PyTorch itself", () => {
  const rows = SIZES.flatMap((size) => KINDS.map(([kind, make]) => ({ kind, values: make(size) })));
  const killers = SIZES.filter((size) => size >= 64).map((size) => ({
    kind: "a killer of quicksort",
    values: quicksortKiller(size),
  }));

  const asked = (["float32", "bfloat16", "float64"] as const).flatMap((dtype) =>
    [...rows, ...killers].map((row) => ({ ...row, dtype })),
  );

  it.each([
    ["all that the CPU can", {}],
    ["no vector instructions", { ATEN_CPU_CAPABILITY: "default" }],
  ])("0 mismatches for 10 to 50,258 numbers, in every dtype, with %s", async (_, env) => {
    const questions = asked.map(({ values, dtype }): Question => ({ what: "sort", dtype, values }));
    const answers = await askTorch(questions, env);
    const mismatches = asked.flatMap(({ kind, values, dtype }, i) => {
      const theirs = new Int32Array(answers[i]);
      expect(theirs).toHaveLength(values.length);
      const ours = new TorchSort(values.length).descending(values);
      const wrong = theirs.filter((from, at) => from !== ours[at]).length;
      return wrong === 0 ? [] : [{ kind, dtype, size: values.length, wrong }];
    });
    expect(mismatches).toEqual([]);
  });
});
