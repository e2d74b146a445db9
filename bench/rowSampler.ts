/**
 * What a draw from one row of GPT-2's vocabulary costs: softmax, nucleus and fp64 Gumbel noise, by the WebAssembly
 * kernel and in plain TypeScript, in turns.
 *
 *     npm run bench rowSampler
 */
import { RowSampler } from "../src/sampler/draw/rowSampler.ts";
import { PhiloxNoise } from "../src/sampler/draw/noise.ts";
import { Nucleus } from "../src/sampler/draw/nucleus.ts";
import { KINDS, MASK_ID, rowOf, VOCAB_SIZE, type Row } from "./rowKinds.ts";

const ROUNDS = 200;
const SAME_KIND = 4;
const IMPLEMENTATIONS = ["kernel", "plain"] as const;

const noise = new PhiloxNoise(1n);

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
