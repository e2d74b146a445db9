/** Rows of GPT-2's vocabulary, as networks give them, the same in every run. */
import { PhiloxNoise } from "../src/sampler/draw/noise.ts";
import { Nucleus } from "../src/sampler/draw/nucleus.ts";
import type { TopRow } from "../src/sampler/draw/rowSampler.ts";

export const VOCAB_SIZE = 50_258;
export const MASK_ID = VOCAB_SIZE - 1;

const noise = new PhiloxNoise(1n);

/** Standard normal numbers by Box and Muller, the same in every run. */
function normal(id: number, row: number): number {
  const radius = Math.sqrt(-2 * Math.log1p(-noise.position(row, 0, id)));
  return radius * Math.cos(2 * Math.PI * noise.position(row, 1, id));
}

/** Logits by kind of row: a confident network's, a trained language model's, an untrained one's, no opinion at all. */
export const KINDS: Readonly<Record<string, (id: number, row: number) => number>> = {
  peaked: (id, row) => 2 * normal(id, row) + (id % 10_007 === row ? 18 : 0),
  usual: (id, row) => 3 * normal(id, row),
  flat: (id, row) => 0.05 * normal(id, row),
  equal: () => 0,
};

export interface Row {
  readonly whole: Float32Array;
  readonly top: TopRow;
}

/** A row, and what a backend would send of it for a nucleus of mass 0.9. */
export function rowOf(row: Float32Array): Row {
  const whole = row.map((logit, id) => (id === MASK_ID ? -Infinity : logit));
  const max = whole.reduce((most, logit) => Math.max(most, logit));
  const nucleus = new Nucleus(VOCAB_SIZE, MASK_ID, { topP: 0.9, quirks: "paper" });
  nucleus.select(whole, max);
  const least = nucleus.ids
    .subarray(0, nucleus.size)
    .reduce((least, id) => Math.min(least, whole[id]), Infinity);
  const ids = Int32Array.from(whole.keys()).filter((id) => whole[id] >= least);
  const rest = whole.reduce((sum, x) => (x >= least ? sum : sum + Math.exp(x - max)), 0);
  const total = whole.reduce((sum, x) => sum + Math.exp(x - max), 0);
  const logits = Float32Array.from(ids, (id) => whole[id]);
  return { whole, top: { ids, logits, rest, logMass: max + Math.log(total) } };
}
