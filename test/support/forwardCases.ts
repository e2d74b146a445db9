/** The recorded network outputs of the original (`forward.json.gz`), through the wire. */
import { expect } from "@jest/globals";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import type { Remdm } from "../../src/index.ts";
import { readGolden } from "./golden.ts";

interface ForwardCase {
  readonly model: string;
  readonly ema: boolean;
  readonly x: readonly (readonly number[])[];
  /** ar has none. */
  readonly sigma: readonly number[] | null;
  readonly positions: readonly number[];
  readonly output: string;
}

/** Compares with all that is recorded for the model's kind: to 1e-4, where a value is above -50. */
export async function expectRecordedOutputs(remdm: Remdm, ema: boolean): Promise<void> {
  const cases = (readGolden("forward") as ForwardCase[]).filter(
    (one) => one.model === remdm.model.kind && one.ema === ema,
  );
  expect(cases.length).toBeGreaterThan(0);
  for (const one of cases) expect(await largestError(remdm, one)).toBeLessThan(1e-4);
}

async function largestError(
  remdm: Remdm,
  { x, sigma, positions, output }: ForwardCase,
): Promise<number> {
  if (!(remdm.denoiser instanceof ZmqDenoiser)) throw new Error("another denoiser");
  const length = x[0].length;
  const values = await remdm.denoiser.logProbs({
    batch: x.length,
    length,
    tokens: Int32Array.from(x.flat()),
    sigma: Float32Array.from(sigma ?? x.map(() => 0)),
    rows: Int32Array.from(x.flatMap((_, b) => positions.map((l) => b * length + l))),
  });
  const bytes = Uint8Array.from(Buffer.from(output, "base64"));
  const expected = new Float32Array(bytes.buffer);
  expect(values).toHaveLength(expected.length);
  let compared = 0;
  let largest = 0;
  expected.forEach((value, i) => {
    if (value <= -50) return;
    compared++;
    largest = Math.max(largest, Math.abs(values[i] - value));
  });
  expect(compared).toBeGreaterThan(1000);
  return largest;
}
