// Samples with two strategies that no package has, on a grid of times of one's own.
// Node: npx tsc -p examples && node examples/dist/strategy/sample.js
// Deno: npx deno run --allow-ffi --allow-read --allow-write --allow-env --allow-run examples/strategy/sample.ts
import { Remdm } from "remdm";
import { fading } from "./fading.ts";
import { likeliestFirst } from "./likeliestFirst.ts";

/** [steps + 1] times that fall from 1 to 0, slowly at first. */
const cosineTimes = (steps: number): number[] =>
  Array.from({ length: steps + 1 }, (_, i) =>
    i === steps ? 0 : Math.cos((Math.PI * i) / (2 * steps)),
  );

await using remdm = await Remdm.launch({ checkpoint: "demo" });
for (const strategy of [fading({ eta: 0.1 }), likeliestFirst]) {
  const run = remdm.sample({ strategy, steps: cosineTimes(24), length: 48, seed: 2 });
  let [revealed, remasked] = [0, 0];
  for await (const event of run) {
    if (event.type === "revealed") revealed += event.positions.length;
    if (event.type === "remasked") remasked += event.positions.length;
  }
  const { texts } = await run.result();
  const { kind } = run.settings.strategy;
  console.log(`--- ${kind}: ${revealed} revealed, ${remasked} remasked\n${texts[0]}`);
}
