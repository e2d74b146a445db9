/**
 * What a draw from one row of GPT-2's vocabulary costs: softmax, nucleus and fp64 Gumbel noise, by the WebAssembly
 * kernel and in plain TypeScript, in turns.
 *
 *     npm run bench rowSampler
 */
import { RowSampler, type TopRow } from "../src/sampler/draw/rowSampler.ts";
import { PhiloxNoise } from "../src/sampler/draw/noise.ts";
import { Nucleus } from "../src/sampler/draw/nucleus.ts";

const VOCAB_SIZE = 50_258;
const MASK_ID = VOCAB_SIZE - 1;
const ROUNDS = 200;
const SAME_KIND = 4;
const IMPLEMENTATIONS = ["kernel", "plain"] as const;

const noise = new PhiloxNoise(1n);

/** Standard normal numbers by Box and Muller, the same in every run. */
function normal(id: number, row: number): number {
  const radius = Math.sqrt(-2 * Math.log1p(-noise.position(row, 0, id)));
  return radius * Math.cos(2 * Math.PI * noise.position(row, 1, id));
}

/** Logits by kind of row: a confident network's, a trained language model's, an untrained one's, no opinion at all. */
const KINDS: Readonly<Record<string, (id: number, row: number) => number>> = {
  peaked: (id, row) => 2 * normal(id, row) + (id % 10_007 === row ? 18 : 0),
  usual: (id, row) => 3 * normal(id, row),
  flat: (id, row) => 0.05 * normal(id, row),
  equal: () => 0,
};

interface Case {
  readonly name: string;
  readonly topP: number;
  readonly size: number;
  /** By implementation. */
  readonly runs: readonly ((step: number) => void)[];
  readonly times: readonly number[][];
}

/** How a row of a kind is drawn from. */
const USES = {
  draw: (sampler: RowSampler, row: Row, step: number) =>
    sampler.draw(row.whole, { sample: 0, step, position: 0 }, noise),
  drawTop: (sampler: RowSampler, row: Row, step: number) =>
    sampler.drawTop(row.top, { sample: 0, step, position: 0 }, noise),
  argmax: (sampler: RowSampler, row: Row, step: number) =>
    sampler.argmax(row.whole, { sample: 0, step, position: 0 }),
};

interface Row {
  readonly whole: Float32Array;
  readonly top: TopRow;
}

/** A row, and what a backend would send of it for a nucleus of mass 0.9. */
function rowOf(row: Float32Array): Row {
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

function nucleusSize({ whole }: Row, topP: number): number {
  const nucleus = new Nucleus(VOCAB_SIZE, MASK_ID, { topP });
  nucleus.select(
    whole,
    whole.reduce((most, logit) => Math.max(most, logit)),
  );
  return nucleus.size;
}

/** Each row of a kind is used in turn, so that no branch predictor learns one by heart. */
function caseOf(kind: string, rows: readonly Row[], use: keyof typeof USES, topP: number): Case {
  const runs = IMPLEMENTATIONS.map((implementation) => {
    const model = { vocabSize: VOCAB_SIZE, maskId: MASK_ID };
    const sampler = new RowSampler(model, { topP }, implementation);
    if (sampler.implementation !== implementation)
      throw new Error(`this machine has no ${implementation} implementation`);
    return (step: number) => void USES[use](sampler, rows[step % rows.length], step);
  });
  const size = use === "argmax" ? 1 : nucleusSize(rows[0], topP);
  return { name: `${kind} ${use}`, topP, size, runs, times: IMPLEMENTATIONS.map(() => []) };
}

const cases = Object.entries(KINDS).flatMap(([kind, logit]) => {
  const rows = Array.from({ length: SAME_KIND }, (_, row) =>
    rowOf(Float32Array.from({ length: VOCAB_SIZE }, (_, id) => logit(id, row))),
  );
  return [
    caseOf(kind, rows, "draw", 1),
    caseOf(kind, rows, "draw", 0.9),
    caseOf(kind, rows, "drawTop", 0.9),
    caseOf(kind, rows, "argmax", 1),
  ];
});
// All cases in turn: what else the machine does hits all of them alike.
for (let round = 0; round < ROUNDS; round++) {
  for (const { runs, times } of cases) {
    runs.forEach((run, implementation) => {
      const begin = performance.now();
      run(round);
      times[implementation].push(performance.now() - begin);
    });
  }
}
const columns = ["kernel ms", "best", "plain ms", "best", "ratio"];
const print = (first: string, cells: readonly (string | number)[]) =>
  process.stdout.write(
    first.padEnd(16) + cells.map((cell) => String(cell).padStart(11)).join("") + "\n",
  );
print("row", ["p", "nucleus", ...columns]);
for (const { name, topP, size, times } of cases) {
  const [kernel, plain] = times.map((list) => {
    list.sort((a, b) => a - b);
    return { median: list[ROUNDS >> 1], best: list[0] };
  });
  const figures = [kernel.median, kernel.best, plain.median, plain.best].map((x) => x.toFixed(3));
  print(name, [topP, size, ...figures, (plain.median / kernel.median).toFixed(1)]);
}
