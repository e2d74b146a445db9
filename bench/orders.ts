/**
 * What a step costs in which the rows say what is revealed, at the published size (12 blocks of 768, L = 1,024,
 * V = 50,258, random weights) with all positions masked: beside the bare network with its head at every position.
 *
 *     npm run bench orders -- --rounds 9
 */
import { parseArgs } from "node:util";
import { Remdm, sampleEvents, type Strategy } from "remdm";
import { inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";
import { bareNetwork, Models, noTokenizer } from "./places.ts";

const LENGTH = 1024;
/** So many steps that each reveals one position. */
const STEPS = LENGTH;

const { values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const rounds = Number(values.rounds);

const drawn: Strategy = { kind: "confidence", of: "drawn" };
const ALONE = "the same without worker threads";
const ORDERS: Readonly<Record<string, readonly [Strategy, temperature?: number]>> = {
  "confidence, by the likeliest token": [{ kind: "confidence" }],
  margin: [{ kind: "margin" }],
  entropy: [{ kind: "entropy" }],
  threshold: [{ kind: "threshold", tau: 1 }],
  "entropy-bounded": [{ kind: "entropy-bounded", gamma: 0 }],
  "confidence, by the token drawn": [drawn],
  [ALONE]: [drawn],
  "the same at temperature 0": [drawn, 0],
};

using models = new Models();
const checkpoint = await models.make("dit");
await using bare = bareNetwork(checkpoint, "float32");
await using remdm = await Remdm.launch({
  checkpoint,
  tokenizer: noTokenizer,
  device: "cpu",
  dtype: "float32",
});
const runs = Object.fromEntries(
  Object.entries(ORDERS).map(([name, [strategy, temperature]]) => [
    name,
    stepsOf(strategy, temperature, name === ALONE),
  ]),
);
const seconds = await inTurns(rounds, {
  bare: () => bare.ask<number>("forward", { batch: 1, rows: LENGTH }),
  ...Object.fromEntries(
    Object.entries(runs).map(([name, steps]) => [name, () => timed(() => steps.next())]),
  ),
});
for (const steps of Object.values(runs)) await steps.return(undefined);
process.stdout.write(`float32, medians of ${rounds} rounds; L = ${LENGTH}, batch 1, all masked\n`);
table([
  ["a step", "median", "of the bare network"],
  ["bare network in its own process, head at all rows", ms(median(seconds.bare)), "1.00 x"],
  ...Object.keys(ORDERS).map((name) => [
    name,
    ms(median(seconds[name as keyof typeof seconds])),
    times(ratio(seconds[name as keyof typeof seconds], seconds.bare)),
  ]),
]);

/** A run that stops after each of its steps. */
async function* stepsOf(
  strategy: Strategy,
  temperature = 1,
  isAlone = false,
): AsyncGenerator<void, void, void> {
  const isUntimed = strategy.kind === "threshold" || strategy.kind === "entropy-bounded";
  const steps = isUntimed ? {} : { steps: STEPS };
  const options = { strategy, ...steps, temperature, topP: 0.9 };
  const run = isAlone ? sampleEvents(remdm.denoiser, options) : remdm.sample(options);
  for await (const { type } of run) if (type === "progress") yield;
}
