// @part backend
/** Which of equal numbers `torch.topk` takes, and in which order, beside PyTorch itself. */
import { expect, it } from "@jest/globals";
import { TorchSort } from "../../../../src/sampler/loops/parity/torchSort.ts";
import { askTorch, type Question } from "../../support/pytorch.ts";
import { generator } from "../../support/tiedRows.ts";

/** Around the sizes at which libstdc++ and PyTorch go another way: 3, 16, and 64 k. */
const SIZES = [1, 2, 3, 4, 5, 8, 16, 17, 20, 33, 47, 64, 65, 128, 300, 1000];

function rows(): [string, Float32Array][] {
  const next = generator(7);
  const kinds: Readonly<Record<string, (i: number) => number>> = {
    equal: () => 0,
    "few values": () => [0.25, 0.5, 1][Math.floor(3 * next())],
    "mostly -Infinity": () => (next() < 0.7 ? -Infinity : next()),
    different: () => next(),
    rising: (i) => i,
    falling: (i) => -i,
    periodic: (i) => i % 7,
  };
  return SIZES.flatMap((size) =>
    Object.entries(kinds).map(([kind, value]): [string, Float32Array] => {
      return [`${size} numbers, ${kind}`, Float32Array.from({ length: size }, (_, i) => value(i))];
    }),
  );
}

it("is repeated for every k around the corners", async () => {
  const asked = rows().flatMap(([name, values]) => {
    const n = values.length;
    const ks = new Set([0, 1, 2, 3, Math.floor(n / 64), Math.floor(n / 2), n - 1, n]);
    return [...ks].filter((k) => k >= 0 && k <= n).map((k) => ({ name, values, k }));
  });
  const dtypes = ["float32", "float64"] as const;
  const questions = asked.map(({ values, k }, i): Question => {
    return { what: "topk", dtype: dtypes[i % 2], values, k };
  });
  const theirs = (await askTorch(questions)).map((answer) => [...new Int32Array(answer)]);
  const ours = asked.map(({ values, k }) => {
    return [...new TorchSort(values.length, new Float64Array(values.length)).top(values, k)];
  });
  const name = (i: number): string => `${asked[i].name}, k = ${asked[i].k}`;
  expect(ours.map((one, i) => [name(i), one])).toEqual(theirs.map((one, i) => [name(i), one]));
});
