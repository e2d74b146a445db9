/**
 * Sampling in parallel in time (`window`): how many rounds a run takes less, and how many sequences more, on the
 * bundled `demo`; and how long runs take, on a simulated device and on this CPU, beside the same runs with `window: 1`.
 * The tokens are compared each time.
 *
 *     npm run bench parallel                                    all of it
 *     npm run bench parallel -- --json                          the rounds on `demo`, one line of JSON
 *     npm run bench parallel -- --parts cpu,published           some of rounds, cpu, published, device
 *     npm run bench parallel -- --other ../remdm-of-before      times beside another checkout, built already
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { Remdm, type SampleOptions } from "remdm";
import { sample, type Denoiser, type SamplerOptions, type SamplerOutcome } from "remdm/sampler";
import { countedNetwork } from "./countedNetwork.ts";
import { inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";
import { Models, noTokenizer } from "./places.ts";
import { simulatedDevice } from "./simulated.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    seeds: { type: "string", default: "16" },
    rounds: { type: "string", default: "5" },
    other: { type: "string" },
    parts: { type: "string", default: "rounds,cpu,published,device" },
  },
});
const parts = values.json ? ["json"] : values.parts.split(",");
const seeds = Number(values.seeds);
const rounds = Number(values.rounds);
/** The window of the comparison of rounds: it needs no clock, so the figures are the same everywhere. */
const WINDOW = 16;
const DEMO_LENGTH = 128;
const RUNS = {
  "remdm-loop-L": { strategy: "remdm-loop", steps: DEMO_LENGTH },
  "mdlm-4L": { strategy: "mdlm", steps: 4 * DEMO_LENGTH },
  "remdm-loop-4L": { strategy: "remdm-loop", steps: 4 * DEMO_LENGTH },
  "confidence-L": { strategy: "confidence", steps: DEMO_LENGTH },
} as const satisfies Readonly<Record<string, SampleOptions>>;
/** Milliseconds of a call of B sequences: 10 + 0.6 B, as of a GPU that waits for its launches. */
const DEVICE = { fixed: 10, sequence: 0.6 };
const LENGTH = 1024;
/** Tokens of the simulated network: few, so that the core that computes its rows in place of a device has little to do. */
const WORDS = 512;

await using demo = await Remdm.launch({ checkpoint: "demo", device: "cpu" });
if (parts.includes("json")) process.stdout.write(`${JSON.stringify(await countRounds())}\n`);
if (parts.includes("rounds")) {
  const counted = await countRounds();
  process.stdout.write(`demo, one sample at a time, window ${WINDOW}, means over ${seeds} seeds\n`);
  table([
    ["", "fewer rounds", "more sequences", "same tokens"],
    ...Object.entries(counted).map(([name, { fewerRounds, moreSequences, sameTokens }]) => [
      name,
      times(fewerRounds),
      times(moreSequences),
      String(sameTokens),
    ]),
  ]);
}
if (parts.includes("cpu")) await onCpu();
if (parts.includes("published")) await atPublishedSize();
if (parts.includes("device")) await onDevice();

interface Counted {
  readonly fewerRounds: number;
  readonly moreSequences: number;
  readonly sameTokens: boolean;
}

async function countRounds(): Promise<Readonly<Record<string, Counted>>> {
  const found: Record<string, Counted> = {};
  for (const [name, options] of Object.entries(RUNS)) {
    const sums = { rounds: [0, 0], sequences: [0, 0] };
    let sameTokens = true;
    for (let seed = 1; seed <= seeds; seed++) {
      const texts: string[] = [];
      for (const [i, window] of [1, WINDOW].entries()) {
        const { tokens, stats } = await demo
          .sample({ ...options, topP: 0.9, seed, window })
          .result();
        sums.rounds[i] += stats.rounds;
        sums.sequences[i] += stats.sequences;
        texts.push(JSON.stringify(tokens));
      }
      sameTokens &&= texts[0] === texts[1];
      process.stderr.write(`${name}: seed ${seed} of ${seeds}\n`);
    }
    found[name] = {
      fewerRounds: rounded(sums.rounds[0] / sums.rounds[1]),
      moreSequences: rounded(sums.sequences[1] / sums.sequences[0]),
      sameTokens,
    };
  }
  return found;
}

function rounded(x: number): number {
  return Math.round(1000 * x) / 1000;
}

/** Whole runs of `demo` on this CPU. */
async function onCpu(): Promise<void> {
  const runs = Object.entries(RUNS);
  await besideWindow1("demo on this CPU, one sample", demo, runs);
}

/** Whole runs at the published size on this CPU, where a sequence costs a call: `auto` must see it. */
async function atPublishedSize(): Promise<void> {
  using models = new Models();
  const checkpoint = await models.make("dit");
  await using remdm = await Remdm.launch({ checkpoint, tokenizer: noTokenizer, device: "cpu" });
  const steps = 16;
  await besideWindow1("published size on this CPU, one sample", remdm, [
    [`remdm-loop, ${steps} steps`, { strategy: "remdm-loop", steps }],
  ]);
}

async function besideWindow1(
  title: string,
  remdm: Remdm,
  runs: readonly (readonly [string, SampleOptions])[],
): Promise<void> {
  const rows: (readonly string[])[] = [[title, "window 1", "auto", "faster"]];
  for (const [name, options] of runs) {
    const run = (window: 1 | "auto") =>
      remdm.sample({ ...options, topP: 0.9, seed: 1, window }).result();
    const seconds = await inTurns(rounds, {
      one: () => timed(() => run(1)),
      auto: () => timed(() => run("auto")),
    });
    rows.push(lineOf(name, seconds.one, seconds.auto));
  }
  process.stdout.write(`\nmedians of ${rounds} rounds, in turns\n`);
  table(rows);
}

/** Whole runs on the simulated device, beside window 1 or another build. */
async function onDevice(): Promise<void> {
  const before = await otherSample();
  const text = await readFile(join("examples", "data", "shakespeare.txt"), "utf8");
  const network = countedNetwork(Array.from(await demo.tokenizer.encode(text)), WORDS, LENGTH);
  const then = before === undefined ? "window 1" : "the other build";
  const lines: (readonly string[])[] = [
    [`simulated, ${DEVICE.fixed} + ${DEVICE.sequence} B ms, L = ${LENGTH}`, then, "auto", "faster"],
  ];
  for (const [name, options] of Object.entries({
    "remdm-loop, 1,024 steps, 1 sample": { strategy: "remdm-loop", steps: LENGTH },
    "mdlm, 1,024 steps, 1 sample": { strategy: "mdlm", steps: LENGTH },
    "remdm-loop, 1,024 steps, 4 samples": { strategy: "remdm-loop", steps: LENGTH, samples: 4 },
  } as const)) {
    const outcomes: SamplerOutcome[] = [];
    const device = simulatedDevice(network, DEVICE);
    const run = async (window: 1 | "auto") => {
      const asks: SamplerOptions = { ...options, topP: 0.9, seed: 1 };
      outcomes.push(
        await (window === 1 && before !== undefined
          ? before(device, asks)
          : sample(device, { ...asks, window })),
      );
    };
    const seconds = await inTurns(1, {
      one: () => timed(() => run(1)),
      auto: () => timed(() => run("auto")),
    });
    const texts = new Set(outcomes.map((one) => JSON.stringify(one.tokens)));
    const { stats } = outcomes[outcomes.length - 1];
    const calls = `${stats.forwardCalls} calls in ${stats.rounds} rounds of ${(stats.sequences / stats.rounds).toFixed(1)}`;
    const same = texts.size === 1 ? "same tokens" : "OTHER TOKENS";
    lines.push(lineOf(`${name} (${calls}; ${same})`, seconds.one, seconds.auto));
  }
  process.stdout.write("\none round after one that does not count\n");
  table(lines);
}

function lineOf(name: string, one: readonly number[], auto: readonly number[]): readonly string[] {
  return [name, ms(median(one)), ms(median(auto)), times(ratio(one, auto))];
}

type Sample = (denoiser: Denoiser, options: SamplerOptions) => Promise<SamplerOutcome>;

async function otherSample(): Promise<Sample | undefined> {
  if (values.other === undefined) return undefined;
  const file = join(resolve(values.other), "dist", "sampler", "index.js");
  return ((await import(pathToFileURL(file).href)) as { readonly sample: Sample }).sample;
}
