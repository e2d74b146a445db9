/**
 * What a token of a BD3-LM costs at the published size (12 blocks of 768, V = 50,258, random weights), in a run that
 * stands at the training length L = 1,024 and in one at 4 L, with and without the KV cache.
 *
 *     npm run bench blocks -- --rounds 25 --block 4
 */
import { parseArgs } from "node:util";
import { Remdm, sampleEvents, type Denoiser } from "remdm";
import { inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";
import { Models, noTokenizer } from "./places.ts";

const LENGTH = 1024;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "25" },
    block: { type: "string", default: "4" },
    dtype: { type: "string", default: "float32" },
  },
});
const rounds = Number(values.rounds);
const block = Number(values.block);
const dtype = values.dtype === "bfloat16" ? "bfloat16" : "float32";

using models = new Models();
const checkpoint = await models.make("bd3lm", block);
await using remdm = await Remdm.launch({
  checkpoint,
  tokenizer: noTokenizer,
  device: "cpu",
  dtype,
});
const { denoiser } = remdm;
/** The same network without what it remembers; whole rows, which cost it little more. */
const forgetful: Denoiser = {
  model: denoiser.model,
  forward: ({ cache: _, ...request }, signal) => denoiser.forward(request, signal),
};
const runs = {
  atL: tokensOf(denoiser, LENGTH, block),
  at4L: tokensOf(denoiser, 4 * LENGTH, block),
  anewAtL: tokensOf(forgetful, LENGTH, 1),
  anewAt4L: tokensOf(forgetful, 4 * LENGTH, 1),
};
try {
  const cached = await inTurns(rounds, { atL: next(runs.atL), at4L: next(runs.at4L) });
  const few = Math.min(rounds, 2);
  const anew = await inTurns(few, { atL: next(runs.anewAtL), at4L: next(runs.anewAt4L) });
  const each = (seconds: readonly number[]) => ms(median(seconds) / block);
  process.stdout.write(
    `${dtype}, blocks of ${block}, first-hitting, p = 0.9, batch 1; medians of ${rounds} blocks, of ${few} tokens without a cache\n`,
  );
  table([
    ["a token", "at L = 1,024", "at 4 L", "4 L / L"],
    ["KV cache", each(cached.atL), each(cached.at4L), times(ratio(cached.at4L, cached.atL))],
    [
      "all computed anew",
      ms(median(anew.atL)),
      ms(median(anew.at4L)),
      times(ratio(anew.at4L, anew.atL)),
    ],
  ]);
} finally {
  for (const run of Object.values(runs)) await run.return(undefined);
}

/** A run that stops after every few tokens, with everything given that precedes the last blocks. */
async function* tokensOf(
  from: Denoiser,
  length: number,
  few: number,
): AsyncGenerator<void, void, void> {
  const given = length - (rounds + 2) * block;
  const pinned = new Map(Array.from({ length: given }, (_, i) => [i, (i * 7919) % 50_000]));
  let tokens = 0;
  for await (const { type } of sampleEvents(from, {
    strategy: { kind: "first-hitting" },
    topP: 0.9,
    length,
    pinned,
  })) {
    if (type === "revealed" && ++tokens % few === 0) yield;
  }
}

function next(run: AsyncGenerator<void, void, void>): () => Promise<number> {
  return () => timed(() => run.next());
}
