/**
 * What a draw from one row of GPT-2's vocabulary costs: softmax, nucleus and fp64 Gumbel noise.
 *
 *     npm run bench rowSampler
 */
import { RowSampler } from "../src/sampler/categorical.ts";
import { PhiloxNoise } from "../src/sampler/noise.ts";
import { Nucleus } from "../src/sampler/nucleus.ts";

const VOCAB_SIZE = 50_258;
const MASK_ID = VOCAB_SIZE - 1;
const ROUNDS = 200;
const SAME_KIND = 4;

const noise = new PhiloxNoise(1n);

/** Standard normal numbers by Box and Muller, the same in every run. */
function normal(id: number, row: number): number {
  const radius = Math.sqrt(-2 * Math.log1p(-noise.event(row, 0, id)));
  return radius * Math.cos(2 * Math.PI * noise.event(row, 1, id));
}

/** Logits by kind of row: a confident network's, a trained language model's, an untrained one's, no opinion at all. */
const KINDS: Readonly<Record<string, (id: number, row: number) => number>> = {
  peaked: (id, row) => 2 * normal(id, row) + (id % 10_007 === row ? 18 : 0),
  usual: (id, row) => 3 * normal(id, row),
  flat: (id, row) => 0.05 * normal(id, row),
  equal: () => 0,
};

interface Case {
  readonly kind: string;
  readonly topP: number | "argmax";
  readonly size: number;
  readonly run: (step: number) => void;
  readonly times: number[];
}

/** Each row of a kind is used in turn, so that no branch predictor learns one by heart. */
function caseOf(kind: string, rows: readonly Float32Array[], topP: number | "argmax"): Case {
  const p = topP === "argmax" ? 1 : topP;
  const sampler = new RowSampler({ vocabSize: VOCAB_SIZE, maskId: MASK_ID }, p);
  const nucleus = new Nucleus(VOCAB_SIZE, MASK_ID, p, "remdm");
  nucleus.select(
    rows[0],
    rows[0].subarray(0, MASK_ID).reduce((a, b) => Math.max(a, b)),
  );
  const run = (step: number) => {
    const row = rows[step % rows.length];
    const at = { sample: 0, step, position: 0 };
    if (topP === "argmax") sampler.argmax(row, at);
    else sampler.draw(row, at, noise);
  };
  return { kind, topP, size: topP === "argmax" ? 1 : nucleus.size, run, times: [] };
}

const cases = Object.entries(KINDS).flatMap(([kind, logit]) => {
  const rows = Array.from({ length: SAME_KIND }, (_, row) =>
    Float32Array.from({ length: VOCAB_SIZE }, (_, id) => logit(id, row)),
  );
  return [1, 0.9, "argmax" as const].map((topP) => caseOf(kind, rows, topP));
});
// All cases in turn: what else the machine does hits all of them alike.
for (let round = 0; round < ROUNDS; round++) {
  for (const { run, times } of cases) {
    const begin = performance.now();
    run(round);
    times.push(performance.now() - begin);
  }
}
const columns = ["row", "p", "nucleus", "median ms", "best ms"];
const lines = cases.map(({ kind, topP, size, times }) => {
  times.sort((a, b) => a - b);
  return [kind, topP, size, times[ROUNDS >> 1].toFixed(3), times[0].toFixed(3)];
});
for (const line of [columns, ...lines]) {
  process.stdout.write(line.map((cell) => String(cell).padStart(11)).join("") + "\n");
}
