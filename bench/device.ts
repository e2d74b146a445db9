/**
 * How much of a run a fast device computes: a simulated one of 10 ms a call, at GPT-2's vocabulary, with top rows,
 * `remdm-loop`, calls of 16 sequences of 1,024 tokens. While it computes one call, the answer of another is drawn.
 *
 *     npm run bench device                                   this build, with and without worker threads
 *     npm run bench device -- --other ../remdm-of-before     beside another checkout, built already
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { RowPool, sample, type Denoiser, type SamplerOptions } from "remdm/sampler";
import { inTurns, median, ms, table, timed } from "./measure.ts";
import { KINDS, MASK_ID, rowOf, VOCAB_SIZE } from "./rowKinds.ts";
import { simulatedDevice, type SimulatedDevice } from "./simulated.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    other: { type: "string" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "1024" },
  },
});
const rounds = Number(values.rounds);
const DEVICE = { fixed: 10, sequence: 0 };
/** So many different rows; a call repeats them. */
const DIFFERENT = 32;
/** Twice what a call takes, so that there is always a call to compute and one to draw. */
const RUN: SamplerOptions = {
  strategy: "remdm-loop",
  steps: Number(values.steps),
  samples: 32,
  batchSize: 16,
  length: 1024,
  topP: 0.9,
};

type Sample = typeof sample;

const rows = Array.from({ length: DIFFERENT }, (_, row) =>
  rowOf(Float32Array.from({ length: VOCAB_SIZE }, (_, id) => KINDS.usual(id, row))),
);
const model = { vocabSize: VOCAB_SIZE, maskId: MASK_ID, length: 1024, timeConditioning: false };
/** Answers in no time with rows that were made before. */
const network: Denoiser = {
  model,
  forward: () => Promise.reject(new Error("only the top of rows is asked for")),
  top: (request) => Promise.resolve(Array.from(request.rows, (at) => rows[at % DIFFERENT].top)),
};

await using pool = new RowPool({ workers: 1 });
const builds: Record<
  string,
  { readonly device: SimulatedDevice; readonly run: Sample; pool?: RowPool }
> = {
  "this build": { device: simulatedDevice(network, DEVICE), run: sample },
  "this build, one worker thread": { device: simulatedDevice(network, DEVICE), run: sample, pool },
};
if (values.other !== undefined) {
  const file = join(resolve(values.other), "dist", "sampler", "index.js");
  const other = (await import(pathToFileURL(file).href)) as { readonly sample: Sample };
  builds["the other build"] = { device: simulatedDevice(network, DEVICE), run: other.sample };
}
const busy: Record<string, number[]> = {};
const texts = new Set<string>();
const seconds = await inTurns(
  rounds,
  Object.fromEntries(
    Object.entries(builds).map(([name, { device, run, pool: threads }]) => [
      name,
      async () => {
        const before = device.busy;
        const time = await timed(async () => {
          texts.add(JSON.stringify((await run(device, RUN, undefined, threads)).tokens));
        });
        (busy[name] ??= []).push((device.busy - before) / 1000 / time);
        return time;
      },
    ]),
  ),
);
const rowsDrawn = texts.size === 1 ? "same tokens" : "OTHER TOKENS";
process.stdout.write(`medians of ${rounds} rounds, in turns; ${rowsDrawn}\n`);
table([
  ["", "a run", "device busy"],
  ...Object.entries(seconds).map(([name, each]) => [
    name,
    ms(median(each)),
    `${(100 * median(busy[name].slice(1))).toFixed(1)} %`,
  ]),
]);
