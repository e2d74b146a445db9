/**
 * Whole runs and single steps beside the original repository: the same architecture at its published size, the same
 * random weights, the same options, in turns. REMDM_REFERENCE is a checkout of it, REMDM_REFERENCE_PYTHON a Python that
 * has its packages (examples/parity/README.md).
 *
 *     REMDM_REFERENCE=path/to/remdm npm run bench original -- --rounds 3 --dtype float32 --steps 8
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Remdm } from "remdm";
import { sample } from "remdm/sampler";
import {
  gigabytes,
  inTurns,
  median,
  ms,
  peakOf,
  ratio,
  table,
  timed,
  times,
  type Measured,
} from "./measure.ts";
import { bareNetwork, Models, noTokenizer, originalSampler } from "./places.ts";
import type { Worker } from "./worker.ts";

const LENGTH = 1024;
/** Of the run from whose middle single steps are taken: one reveal a step. */
const STEPS = 1024;
const QUIET_STEPS = 100_000;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    dtype: { type: "string", default: "float32" },
    steps: { type: "string", default: "8" },
    batch: { type: "string", default: "1" },
  },
});
const rounds = Number(values.rounds);
const batch = Number(values.batch);
const steps = Number(values.steps);
const dtype = values.dtype === "bfloat16" ? "bfloat16" : "float32";
const reference = process.env.REMDM_REFERENCE;

if (reference === undefined || !existsSync(join(reference, "diffusion.py"))) {
  process.stdout.write(
    "Skipped: REMDM_REFERENCE is not set to a checkout of the original repository (kuleshov-group/remdm).\n",
  );
} else {
  await compare(resolve(reference));
}

async function compare(repository: string): Promise<void> {
  using models = new Models();
  const checkpoint = await models.make("dit");
  await using theirs = originalSampler(repository, checkpoint, dtype);
  await using remdm = await Remdm.launch({
    checkpoint,
    tokenizer: noTokenizer,
    device: "cpu",
    dtype,
  });
  await using bare = bareNetwork(checkpoint, dtype);
  const lines: string[][] = [["", "original", "remdm", ""]];
  for (const topP of [0.9, 1]) lines.push(...(await wholeRuns(theirs, remdm, bare, topP)));
  lines.push(await quietSteps(theirs, remdm));
  lines.push(await memory(theirs, remdm));
  process.stdout.write(`${dtype}, L = ${LENGTH}, batch ${batch}, medians of ${rounds} rounds\n`);
  table(lines);
}

async function wholeRuns(
  theirs: Worker,
  remdm: Remdm,
  bare: Worker,
  topP: number,
): Promise<string[][]> {
  const middle = stepsFromTheMiddle(remdm, topP);
  const options = { strategy: { kind: "mdlm" }, samples: batch, topP } as const;
  let run = 0;
  const seconds = await inTurns(rounds, {
    theirRun: () => theirs.ask<number>("run", { steps, top_p: topP, batch }),
    ourRun: () => timed(() => remdm.sample({ ...options, steps, seed: run++ }).result()),
    theirStep: () => second(() => theirs.ask<number>("step", { steps: STEPS, top_p: topP, batch })),
    ourStep: () => second(() => timed(() => middle.next())),
    floor: () => second(() => bare.ask<number>("forward", { batch, rows: 1 })),
  });
  await middle.return();
  const line = (what: string, original: readonly number[], ours: readonly number[]) => [
    `${what}, p = ${topP}`,
    ms(median(original)),
    ms(median(ours)),
    `${times(ratio(original, ours))} faster`,
  ];
  return [
    line(`run of ${steps} steps`, seconds.theirRun, seconds.ourRun),
    line("step that calls the network", seconds.theirStep, seconds.ourStep),
    [
      `the bare network alone, p = ${topP}`,
      "",
      ms(median(seconds.floor)),
      `our step takes ${times(ratio(seconds.ourStep, seconds.floor))}`,
    ],
  ];
}

/** The first call of a process whose turn comes finds its memory cold: on our side for as long as the other one takes. */
async function second(measure: Measured): Promise<number> {
  await measure();
  return measure();
}

/** Every other position holds a token already, the same ones as for the original. */
function halfDone(): ReadonlyMap<number, number> {
  const odd = Array.from({ length: LENGTH / 2 }, (_, i) => 2 * i + 1);
  return new Map(odd.map((position) => [position, (position * 7919) % 50_000]));
}

/** Each step calls the network once for the whole batch, and reveals one position a sample or a few. */
async function* stepsFromTheMiddle(remdm: Remdm, topP: number): AsyncGenerator<void, void, void> {
  const run = remdm.sample({
    strategy: { kind: "mdlm" },
    samples: batch,
    steps: STEPS / 2,
    topP,
    pinned: halfDone(),
  });
  for await (const { type } of run) if (type === "progress") yield;
}

/** Ours: of a run of very many steps, with a network that answers at once; the steps that reveal are counted in. */
async function quietSteps(theirs: Worker, remdm: Remdm): Promise<string[]> {
  const { model } = remdm.denoiser;
  const denoiser = {
    model: { ...model, vocabSize: 4, maskId: 3 },
    forward: ({ rows }: { readonly rows: Int32Array }) =>
      Promise.resolve(new Float32Array(4 * rows.length)),
  };
  const pinned = new Map([...halfDone()].map(([position]) => [position, 0]));
  const run = { strategy: { kind: "mdlm" }, steps: QUIET_STEPS, pinned } as const;
  const { theirStep, ourRun } = await inTurns(rounds, {
    theirStep: () => theirs.ask<number>("quiet_step", { steps: STEPS, top_p: 0.9, batch: 1 }),
    ourRun: () => timed(() => sample(denoiser, run)),
  });
  const ours = ourRun.map((seconds) => seconds / QUIET_STEPS);
  return [
    "step that reveals nothing, batch 1",
    ms(median(theirStep)),
    `${(median(ours) * 1e6).toFixed(1)} us`,
    `${times(ratio(theirStep, ours))} faster`,
  ];
}

async function memory(theirs: Worker, remdm: Remdm): Promise<string[]> {
  const original = await theirs.ask<number>("memory");
  const backend = await peakOf(remdm.runtime.pid);
  const ours = backend + process.resourceUsage().maxRSS * 1024;
  return [
    "peak memory, both our processes",
    gigabytes(original),
    gigabytes(ours),
    `${(ours / original).toFixed(2)} of the original's`,
  ];
}
