/**
 * How many sequences the network must read for a run: with the original's rule, which asks about the whole batch again
 * as soon as one of its tokens has changed (the dense executor follows it), and with ours. Neither depends on
 * the network nor on the vocabulary, so a tiny stand-in answers.
 *
 *     npm run bench sequences -- --steps 4096 --batch 16
 */
import { parseArgs } from "node:util";
import { sample, type Denoiser, type Strategy } from "remdm/sampler";
import { table, times } from "./measure.ts";

const VOCAB_SIZE = 3;
const LENGTH = 1024;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    dtype: { type: "string" },
    steps: { type: "string", default: "4096" },
    batch: { type: "string", default: "16" },
  },
});
const steps = Number(values.steps);
const batch = Number(values.batch);

/** Sequences that the network reads, and calls. */
interface Count {
  sequences: number;
  calls: number;
}

async function count(executor: "events" | "dense", strategy: Strategy): Promise<Count> {
  const seen = { sequences: 0, calls: 0 };
  const denoiser: Denoiser = {
    model: {
      vocabSize: VOCAB_SIZE,
      maskId: VOCAB_SIZE - 1,
      length: LENGTH,
      timeConditioning: false,
    },
    forward: (request) => {
      seen.sequences += request.batch;
      seen.calls++;
      return Promise.resolve(new Float32Array(request.rows.length * VOCAB_SIZE));
    },
  };
  await sample(denoiser, { strategy, steps, samples: batch, batchSize: batch, executor });
  process.stderr.write(`${strategy.kind}, ${executor}: done\n`);
  return seen;
}

const STRATEGIES: readonly Strategy[] = [
  { kind: "mdlm" },
  { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
];
const lines = [["", "original's rule", "remdm", "", "calls", "calls"]];
for (const strategy of STRATEGIES) {
  const theirs = await count("dense", strategy);
  const ours = await count("events", strategy);
  lines.push([
    strategy.kind,
    theirs.sequences.toLocaleString("en"),
    ours.sequences.toLocaleString("en"),
    `${times(theirs.sequences / ours.sequences)} fewer`,
    theirs.calls.toLocaleString("en"),
    ours.calls.toLocaleString("en"),
  ]);
}
process.stdout.write(`sequences read for ${batch} samples of ${LENGTH} tokens, ${steps} steps\n`);
table(lines);
