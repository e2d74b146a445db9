/**
 * What a step costs beside the network, at the published size (12 blocks of 768, L = 1,024, V = 50,258, random weights):
 * the bare network in its own process, the same through the wire, steps of a run; AR with and without its KV cache.
 *
 *     npm run bench network -- --rounds 9 --dtype bfloat16
 */
import { parseArgs } from "node:util";
import { Remdm, type ForwardRequest } from "remdm";
import { inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";
import { bareNetwork, Models, noTokenizer } from "./places.ts";

const LENGTH = 1024;
/** Rows of the bare forward, and reveals a step of the run, on average. */
const ROWS = 8;
const STEPS = LENGTH / ROWS;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    dtype: { type: "string", default: "float32" },
  },
});
const rounds = Number(values.rounds);
const dtype = values.dtype === "bfloat16" ? "bfloat16" : "float32";
const launch = { tokenizer: noTokenizer, device: "cpu", dtype } as const;

using models = new Models();
await masked();
await causal();

async function masked(): Promise<void> {
  const checkpoint = await models.make("dit");
  await using bare = bareNetwork(checkpoint, dtype);
  await using remdm = await Remdm.launch({ checkpoint, ...launch });
  const steps = stepsOf(remdm);
  const seconds = await inTurns(rounds, {
    products: () => bare.ask<number>("products"),
    bare: () => bare.ask<number>("forward", { batch: 1, rows: ROWS }),
    wire: () => timed(() => remdm.denoiser.forward(question(LENGTH, ROWS))),
    step: () => timed(() => steps.next()),
  });
  await steps.return(undefined);
  const of = (name: keyof typeof seconds) =>
    [ms(median(seconds[name])), times(ratio(seconds[name], seconds.bare))] as const;
  process.stdout.write(`${dtype}, medians of ${rounds} rounds; L = ${LENGTH}, batch 1\n`);
  table([
    ["", "median", "of the bare network"],
    ["matrix products of all blocks, float32", ...of("products")],
    [`bare network in its own process, ${ROWS} rows`, ...of("bare")],
    ["the same through the wire", ...of("wire")],
    [`a step of a run, ${ROWS} rows on average, p = 0.9`, ...of("step")],
  ]);
  const profile = await bare.ask<readonly [string, number][]>("profile");
  process.stdout.write("\nwhere a forward's time goes, by kernel of PyTorch\n");
  table(profile.map(([kernel, time]) => [kernel, ms(time)]));
}

/** A run that stops before each forward call but its first. */
async function* stepsOf(remdm: Remdm): AsyncGenerator<void, void, void> {
  const run = remdm.sample({ strategy: { kind: "mdlm" }, steps: STEPS, topP: 0.9 });
  for await (const { type } of run) if (type === "progress") yield;
}

async function causal(): Promise<void> {
  await using remdm = await Remdm.launch({ checkpoint: await models.make("ar"), ...launch });
  const { denoiser } = remdm;
  let length = LENGTH - rounds - 2;
  await denoiser.forward({ ...question(length, 1), cache: 1 });
  const seconds = await inTurns(rounds, {
    anew: () => timed(() => denoiser.forward(question(LENGTH, 1))),
    cached: () => timed(() => denoiser.forward({ ...question(++length, 1), cache: 1 })),
  });
  process.stdout.write("\n");
  table([
    ["AR, one token at L = 1,024", "median", ""],
    ["prefix computed anew", ms(median(seconds.anew)), ""],
    [
      "KV cache",
      ms(median(seconds.cached)),
      `${times(ratio(seconds.anew, seconds.cached))} faster`,
    ],
  ]);
}

/** The last `rows` positions; the same tokens for every length, so that a longer one continues a shorter one. */
function question(length: number, rows: number): ForwardRequest {
  return {
    batch: 1,
    length,
    tokens: Int32Array.from({ length }, (_, i) => (i * 7919) % 50_000),
    sigma: new Float32Array(1),
    rows: Int32Array.from({ length: rows }, (_, i) => length - rows + i),
  };
}
