/** The hash network is what its Python twin is, whose numbers stand here. */
import { expect, it } from "@jest/globals";
import { HashNetwork, MASK_LOGIT } from "../../../examples/parity/peers/hashNetwork.ts";

const tokens = Int32Array.from([3, 1, 7, 19, 19, 0, 0, 2, 5, 11]);
const network = () => new HashNetwork({ vocabSize: 20, maskId: 19, length: 5, sharpness: 4 });

async function rowsOf(...rows: number[]): Promise<Float32Array> {
  const request = { batch: 2, length: 5, tokens, sigma: new Float32Array(2) };
  return network().forward({ ...request, rows: Int32Array.from(rows) });
}

it("answers as its Python twin does, bit for bit", async () => {
  expect([...(await rowsOf(0)).subarray(0, 3)]).toEqual([
    8.02227783203125, 12.05999755859375, -9.640045166015625,
  ]);
  expect([...(await rowsOf(9)).subarray(0, 3)]).toEqual([
    -11.2705078125, 7.87921142578125, 4.99957275390625,
  ]);
});

it("answers the rows asked for alone, with the mask's column apart", async () => {
  const all = await rowsOf(...Array.from({ length: 10 }, (_, row) => row));
  expect(await rowsOf(3, 7)).toEqual(
    Float32Array.from([...all.subarray(60, 80), ...all.subarray(140, 160)]),
  );
  expect([0, 1, 9].map((row) => all[row * 20 + 19])).toEqual(Array(3).fill(MASK_LOGIT));
});

it("answers every row anew when one token differs", async () => {
  const before = await rowsOf(0, 4);
  const one = network();
  const changed = tokens.slice();
  changed[2] = 8;
  const rows = Int32Array.from([0, 4]);
  const sigma = new Float32Array(2);
  const after = await one.forward({ batch: 2, length: 5, tokens: changed, sigma, rows });
  expect(after[0]).not.toBe(before[0]);
  expect(after[20]).not.toBe(before[20]);
});
