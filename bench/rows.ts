/**
 * What worker threads bring to drawing the rows of a call, of GPT-2's vocabulary and p = 0.9: in the calling thread
 * alone, and with one and two workers beside it, in turns. On a machine that does something else, the best times say
 * more than the medians.
 *
 *     npm run bench rows -- --rounds 21
 */
import { parseArgs } from "node:util";
import { setTimeout } from "node:timers/promises";
import { Pace } from "../src/foundation/pace.ts";
import { PhiloxNoise } from "../src/sampler/draw/noise.ts";
import { RowSampler } from "../src/sampler/draw/rowSampler.ts";
import type { RowTask } from "../src/sampler/draw/rowTask.ts";
import { drawRows } from "../src/sampler/draw/workers/drawRows.ts";
import { RowPool } from "../src/sampler/draw/workers/rowPool.ts";
import { inTurns, median, table, timed, times, type Measured } from "./measure.ts";
import { KINDS, MASK_ID, rowOf, VOCAB_SIZE } from "./rowKinds.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "21" } },
});
const rounds = Number(values.rounds);
/** So many different rows; a call repeats them. */
const DIFFERENT = 16;
/** Rows of a call: a step of a draw-first strategy has few, of a strategy that draws all rows many. */
const CALLS = { whole: [2, 4, 8, 32, 256], top: [32, 256, 2048] };
const SECONDS_TO_START = 0.5;

const model = { vocabSize: VOCAB_SIZE, maskId: MASK_ID };
const rule = { topP: 0.9 };
const noise = new PhiloxNoise(1n);
const sampler = new RowSampler(model, rule);
const rows = Array.from({ length: DIFFERENT }, (_, row) =>
  rowOf(Float32Array.from({ length: VOCAB_SIZE }, (_, id) => KINDS.usual(id, row))),
);
await using one = new RowPool({ workers: 1 });
await using two = new RowPool({ workers: 2 });
const POOLS = { alone: undefined, one, two };
type Who = keyof typeof POOLS;

const calls = (["whole", "top"] as const).flatMap((kind) =>
  CALLS[kind].map((count) => {
    const tasks = Array.from({ length: count }, (_, i): RowTask => {
      const at = { sample: 0, step: 1, position: i };
      return { row: rows[i % DIFFERENT][kind], at, likeliest: false };
    });
    return { name: `${count} ${kind} ${count === 1 ? "row" : "rows"}`, count, tasks };
  }),
);

const draw = (tasks: readonly RowTask[], pool: RowPool | undefined) =>
  drawRows(tasks, { sampler, model, rule, noise, pace: new Pace(undefined), pool });
for (const pool of [one, two]) {
  await draw(calls[calls.length - 1].tasks, pool);
  await setTimeout(1000 * SECONDS_TO_START);
  if (pool.failure !== undefined) throw new Error("a worker failed", { cause: pool.failure });
}
const names = Object.keys(POOLS) as Who[];
const measured = Object.fromEntries(
  calls.flatMap(({ name, tasks }) =>
    names.map((who): [string, Measured] => [
      `${name} ${who}`,
      () => timed(() => draw(tasks, POOLS[who])),
    ]),
  ),
);
const seconds = await inTurns(rounds, measured);
const best = (list: readonly number[]) => Math.min(...list);
const rate = (count: number, time: number) => Math.round(count / time);
process.stdout.write(`rows a second, ${rounds} rounds\n`);
for (const [title, of] of [["best", best] as const, ["median", median] as const]) {
  table([
    [title, "alone", "one worker", "two workers", "one/alone", "two/alone"],
    ...calls.map(({ name, count }) => {
      const [alone, one, two] = names.map((who) => of(seconds[`${name} ${who}`]));
      return [
        name,
        ...[alone, one, two].map((time) => rate(count, time)),
        ...[one, two].map((time) => times(alone / time)),
      ];
    }),
  ]);
}
