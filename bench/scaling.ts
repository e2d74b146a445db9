/**
 * What a sample costs as it grows. The sampler alone, with a network that answers at once: by steps, length, vocabulary
 * and batch. The network alone: by length and batch. How long loading takes, and the memory of both processes.
 * And what the sampler and the wire would add to a network much faster than this machine's, from those parts.
 *
 *     npm run bench scaling -- --rounds 3
 */
import { parseArgs } from "node:util";
import { Remdm, type ForwardRequest } from "remdm";
import { PhiloxNoise, sample, type Denoiser, type SamplerOptions } from "remdm/sampler";
import { gigabytes, inTurns, median, ms, peakOf, table, timed } from "./measure.ts";
import { Models, noTokenizer } from "./places.ts";
import { topOf } from "./topOf.ts";

const USUAL: Size = { steps: 1024, length: 1024, vocabSize: 50_258, samples: 1, kind: "mdlm" };
const LOOP = "remdm-loop";
const LOOP_TOP = "remdm-loop, top rows";
const TOP_P = 0.9;
/** Of normal numbers times 3: what the logits of a trained network look like. */
const TABLE_ROWS = 16;
/** What a step takes there: an assumption, no measurement. ReMDM-loop reveals about 18 rows a step at 1,024 steps. */
const FAST = { networkMs: 10, rows: 18 };

const { values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, dtype: { type: "string" } },
});
const rounds = Number(values.rounds);

interface Size {
  readonly steps: number;
  readonly length: number;
  readonly vocabSize: number;
  readonly samples: number;
  readonly kind: "mdlm" | "remdm-loop";
}

await samplerAlone();
await networkAlone();

async function samplerAlone(): Promise<void> {
  const sizes: readonly (readonly [string, Partial<Size>])[] = [
    ["1,024 steps", {}],
    ["128 steps", { steps: 128 }],
    ["8,192 steps", { steps: 8192 }],
    ["65,536 steps", { steps: 65_536 }],
    ["256 tokens", { length: 256 }],
    ["4,096 tokens", { length: 4096 }],
    ["vocabulary of 1,024", { vocabSize: 1024 }],
    ["vocabulary of 262,144", { vocabSize: 262_144 }],
    ["4 samples", { samples: 4 }],
    ["16 samples", { samples: 16 }],
    [LOOP, { kind: "remdm-loop" }],
    [LOOP_TOP, { kind: "remdm-loop" }],
  ];
  const runs = sizes.map(([name, change]) => {
    const size = { ...USUAL, ...change };
    return { name, size, denoiser: instantDenoiser(size, name === LOOP_TOP) };
  });
  const seconds = await inTurns(
    rounds,
    Object.fromEntries(
      runs.map(({ name, size, denoiser }) => [
        name,
        () => timed(() => sample(denoiser, optionsOf(size))),
      ]),
    ),
  );
  const lines = runs.map(({ name, size }) => {
    const time = median(seconds[name]);
    return [name, ms(time), `${((1e3 * time) / (size.length * size.samples)).toFixed(3)} ms`];
  });
  process.stdout.write(
    "the sampler alone: mdlm, p = 0.9, 1,024 steps and tokens, V = 50,258, 1 sample but as said\n",
  );
  table([["", "run", "a token"], ...lines]);
  const share = (name: string) => {
    const perStep = (1e3 * median(seconds[name])) / USUAL.steps;
    return `${perStep.toFixed(1)} ms (${Math.round((100 * perStep) / FAST.networkMs)} %)`;
  };
  process.stdout.write(
    `\nprojected, not measured: to a network of ${FAST.networkMs} ms a step the sampler adds, at about ${FAST.rows} rows ` +
      `a step, ${share(LOOP)} with whole rows and ${share(LOOP_TOP)} with top rows; the wire comes on top ` +
      "(npm run bench wire)\n\n",
  );
}

function optionsOf({ steps, length, samples, kind }: Size): SamplerOptions {
  const loop = { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 } as const;
  const strategy = kind === "mdlm" ? { kind } : loop;
  return { strategy, steps, length, samples, topP: TOP_P };
}

function instantDenoiser({ vocabSize, length }: Size, top: boolean): Denoiser {
  const noise = new PhiloxNoise(1n);
  const logits = Float32Array.from({ length: TABLE_ROWS * vocabSize }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log1p(-noise.position(0, 0, i)));
    return 3 * radius * Math.cos(2 * Math.PI * noise.position(0, 1, i));
  });
  let answer = logits;
  const tops = Array.from({ length: top ? TABLE_ROWS : 0 }, (_, row) =>
    topOf(logits.subarray(row * vocabSize, (row + 1) * vocabSize - 1), TOP_P),
  );
  return {
    model: { vocabSize, maskId: vocabSize - 1, length, timeConditioning: false },
    forward: ({ rows }) => {
      const wanted = rows.length * vocabSize;
      if (wanted > answer.length) {
        answer = new Float32Array(2 * wanted);
        for (let at = 0; at + logits.length <= answer.length; at += logits.length) {
          answer.set(logits, at);
        }
      }
      return Promise.resolve(answer.subarray(0, wanted));
    },
    ...(top && {
      top: ({ rows }: ForwardRequest) =>
        Promise.resolve(Array.from(rows, (_, i) => tops[i % TABLE_ROWS])),
    }),
  };
}

async function networkAlone(): Promise<void> {
  using models = new Models();
  const checkpoint = await models.make("dit");
  const begin = performance.now();
  await using remdm = await Remdm.launch({ checkpoint, tokenizer: noTokenizer, device: "cpu" });
  const loaded = (performance.now() - begin) / 1000;
  const afterLoading = await peakOf(remdm.runtime.pid);
  const sizes = [
    [1, 256],
    [1, 512],
    [1, 1024],
    [2, 1024],
    [4, 1024],
  ] as const;
  const seconds = await inTurns(
    rounds,
    Object.fromEntries(
      sizes.map(([batch, length]) => [
        `${batch} x ${length}`,
        () => timed(() => remdm.denoiser.forward(question(batch, length))),
      ]),
    ),
  );
  process.stdout.write("the network, published size, float32, 8 rows a sequence\n");
  table([
    ["batch x tokens", "forward", "a token"],
    ...sizes.map(([batch, length]) => {
      const time = median(seconds[`${batch} x ${length}`]);
      return [`${batch} x ${length}`, ms(time), `${((1e3 * time) / batch / length).toFixed(3)} ms`];
    }),
  ]);
  process.stdout.write("\n");
  table([
    ["ready after", `${loaded.toFixed(1)} s`],
    ["peak memory of the backend, loaded", gigabytes(afterLoading)],
    ["the same, after a batch of 4", gigabytes(await peakOf(remdm.runtime.pid))],
    ["peak memory of this process", gigabytes(process.resourceUsage().maxRSS * 1024)],
  ]);
}

function question(batch: number, length: number): ForwardRequest {
  const rows = Array.from({ length: 8 * batch }, (_, i) => (i * length) / 8);
  return {
    batch,
    length,
    tokens: Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % 50_000),
    sigma: new Float32Array(batch),
    rows: Int32Array.from(rows),
  };
}
