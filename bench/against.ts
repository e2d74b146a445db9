/**
 * Compares this build with another one of remdm, both in this process and in turns: the sampler alone,
 * with a network that answers at once, and the bundled models through the wire.
 *
 *     npm run bench against -- --other ../remdm-of-before --rounds 9
 *
 * The other checkout is built already (`npm run build` there), with its own environment.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import type { Denoiser, SamplerOptions } from "remdm/sampler";
import { inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";

/** Closes what was launched. */
const ends: (() => Promise<void>)[] = [];

const { values } = parseArgs({
  allowPositionals: true,
  options: { other: { type: "string" }, rounds: { type: "string", default: "9" } },
});
if (values.other === undefined) {
  process.stdout.write("left out: name another checkout with --other\n");
} else {
  await compare(resolve(values.other), Number(values.rounds));
}

/** What both builds have; a result was a property once. */
interface Build {
  readonly Remdm: {
    launch(options: object): Promise<{
      sample(options: object): { readonly result: unknown };
      close(): Promise<void>;
    }>;
  };
  sample(denoiser: Denoiser, options: SamplerOptions): Promise<unknown>;
}

async function compare(other: string, rounds: number): Promise<void> {
  const [now, before] = [await buildAt(resolve(".")), await buildAt(other)];
  const rows: (readonly string[])[] = [["", "this build", "the other", "this / other"]];
  for (const [name, work] of Object.entries({ ...samplers(), ...(await models(now, before)) })) {
    const seconds = await inTurns(rounds, {
      now: () => timed(() => work(now)),
      before: () => timed(() => work(before)),
    });
    rows.push([
      name,
      ms(median(seconds.now)),
      ms(median(seconds.before)),
      times(ratio(seconds.now, seconds.before)),
    ]);
  }
  for (const end of ends.splice(0)) await end();
  process.stdout.write(`medians of ${rounds} rounds, in turns\n`);
  table(rows);
}

async function buildAt(checkout: string): Promise<Build> {
  return (await import(pathToFileURL(join(checkout, "dist", "index.js")).href)) as Build;
}

type Work = (build: Build) => Promise<unknown>;

/** The sampler alone, at the published length and vocabulary. */
function samplers(): Readonly<Record<string, Work>> {
  const usual = { steps: 256, length: 1024, samples: 1, seed: 1 };
  const mdlm = flatNetwork("mdlm");
  const sedd = flatNetwork("sedd");
  return {
    "sampler: mdlm, 256 steps": (build) =>
      build.sample(mdlm, { ...usual, strategy: { kind: "mdlm" }, topP: 0.9 }),
    "sampler: remdm-loop, 256 steps": (build) =>
      build.sample(mdlm, { ...usual, strategy: { kind: "remdm-loop" }, topP: 0.9 }),
    "sampler: remdm-conf, 256 steps": (build) =>
      build.sample(mdlm, { ...usual, strategy: { kind: "remdm-conf" }, topP: 0.9 }),
    "sampler: sedd, 256 steps": (build) =>
      build.sample(sedd, { ...usual, strategy: { kind: "analytic" }, topP: 1 }),
  };
}

/** Answers at once, the same row everywhere. `masses` is what builds before protocol 5 asked for. */
function flatNetwork(kind: "mdlm" | "sedd"): Denoiser {
  const vocabSize = 50_258;
  const row = Float32Array.from({ length: vocabSize }, (_, id) => 3 * Math.sin(id * 12.9898));
  const many = new Float32Array(64 * vocabSize);
  for (let i = 0; i < 64; i++) many.set(row, i * vocabSize);
  const answer = (count: number): Float32Array => {
    if (count <= 64) return many.subarray(0, count * vocabSize);
    const larger = new Float32Array(count * vocabSize);
    for (let i = 0; i < count; i++) larger.set(row, i * vocabSize);
    return larger;
  };
  const logMass = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
  const masses = (count: number, width: number): Promise<Float32Array> =>
    Promise.resolve(new Float32Array(count * width).fill(logMass));
  const denoiser = {
    model: { kind, vocabSize, maskId: vocabSize - 1, length: 1024, timeConditioning: true },
    forward: ({ rows }: { rows: Int32Array }) => Promise.resolve(answer(rows.length)),
    statistics: ({ rows }: { rows: Int32Array }) => masses(rows.length, 1),
    masses: ({ rows }: { rows: Int32Array }) => masses(rows.length, 2),
  };
  return denoiser;
}

/** The bundled models, each launched by both builds. */
async function models(now: Build, before: Build): Promise<Readonly<Record<string, Work>>> {
  const runs: Record<string, Work> = {};
  for (const [checkpoint, options] of [
    ["demo", { strategy: { kind: "remdm-loop" }, topP: 0.9, steps: 128, samples: 4 }],
    ["demo-sedd", { strategy: { kind: "analytic" }, topP: 1, steps: 64, samples: 4 }],
    ["demo-ar", { strategy: { kind: "ar" }, topP: 1, samples: 2 }],
  ] as const) {
    const launched = new Map<Build, Awaited<ReturnType<Build["Remdm"]["launch"]>>>();
    for (const build of [now, before]) {
      const remdm = await build.Remdm.launch({ checkpoint, device: "cpu" });
      launched.set(build, remdm);
      ends.push(() => remdm.close());
    }
    runs[`wire: ${checkpoint}, ${options.strategy.kind}`] = async (build) => {
      const run = launched.get(build)?.sample({ ...options, seed: 1 });
      const result: unknown = run?.result;
      return (await (typeof result === "function" ? result.call(run) : result)) as unknown;
    };
  }
  return runs;
}
