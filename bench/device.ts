/**
 * How much of a run a fast device computes: a simulated one, at GPT-2's vocabulary, with top rows, `remdm-loop`, calls of
 * 16 sequences of 1,024 tokens. While it computes one call, the answer of another is drawn: of other samples, where there
 * are more than a call takes (10 ms a call), or of one half of the samples (1 + 1.25 B ms for B sequences).
 *
 *     npm run bench device                                   this build, with and without worker threads
 *     npm run bench device -- --other ../remdm-of-before     beside another checkout, built already
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { RowPool, sample, type Denoiser, type SamplerOptions } from "remdm/sampler";
import { inTurns, median, ms, table, timed, type Measured } from "./measure.ts";
import { KINDS, MASK_ID, rowOf, VOCAB_SIZE } from "./rowKinds.ts";
import { simulatedDevice } from "./simulated.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    other: { type: "string" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "1024" },
  },
});
const rounds = Number(values.rounds);
/** So many different rows; a call repeats them. */
const DIFFERENT = 32;
/** The two ways in which there is a call to compute and one to draw. */
const SETTINGS = [
  { title: "32 samples, 10 ms a call", samples: 32, device: { fixed: 10, sequence: 0 } },
  { title: "16 samples, 1 + 1.25 B ms a call", samples: 16, device: { fixed: 1, sequence: 1.25 } },
] as const;
const RUN: SamplerOptions = {
  strategy: "remdm-loop",
  steps: Number(values.steps),
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
const other = await otherSample();
for (const setting of SETTINGS) await measure(setting);

async function measure({ title, samples, device: cost }: (typeof SETTINGS)[number]): Promise<void> {
  const busy: Record<string, number[]> = {};
  const texts = new Set<string>();
  const runs = (name: string, run: Sample, threads?: RowPool) => {
    const device = simulatedDevice(network, cost);
    return async () => {
      const before = device.busy;
      const time = await timed(async () => {
        const { tokens } = await run(device, { ...RUN, samples }, undefined, threads);
        texts.add(JSON.stringify(tokens));
      });
      (busy[name] ??= []).push((device.busy - before) / 1000 / time);
      return time;
    };
  };
  const one = "this build, one worker thread";
  const builds: Record<string, Measured> = {
    "this build": runs("this build", sample),
    [one]: runs(one, sample, pool),
  };
  if (other !== undefined) builds["the other build"] = runs("the other build", other);
  const seconds = await inTurns(rounds, builds);
  const rowsDrawn = texts.size === 1 ? "same tokens" : "OTHER TOKENS";
  process.stdout.write(`medians of ${rounds} rounds, in turns; ${rowsDrawn}\n`);
  table([
    [title, "a run", "device busy"],
    ...Object.entries(seconds).map(([name, each]) => [
      name,
      ms(median(each)),
      `${(100 * median(busy[name].slice(1))).toFixed(1)} %`,
    ]),
  ]);
}

async function otherSample(): Promise<Sample | undefined> {
  if (values.other === undefined) return undefined;
  const file = join(resolve(values.other), "dist", "sampler", "index.js");
  return ((await import(pathToFileURL(file).href)) as { readonly sample: Sample }).sample;
}
