// Streams a text from the bundled model: on a terminal it is shown as it forms, with every token that comes and goes.
// Run: npx tsc -p examples && node examples/dist/node/stream.js
import { cursorTo, clearScreenDown } from "node:readline";
import { Remdm } from "remdm";

await using remdm = await Remdm.launch({ checkpoint: "demo" });
const run = remdm.sample({
  strategy: { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
  steps: 64,
  topP: 0.9,
  seed: 7,
});

const { stdout } = process;
const pieces = [...run.pieces(0)]; // all masks yet: ▒
const remasked: string[] = [];
for await (const event of run) {
  if (event.type === "progress") continue;
  if (event.type === "remasked") {
    for (const position of event.positions) remasked.push(pieces[position]);
  }
  for (const { position, text } of event.pieces) pieces[position] = text;
  if (stdout.isTTY) {
    cursorTo(stdout, 0, 0);
    clearScreenDown(stdout);
    stdout.write(pieces.join(""));
  }
}

const { texts, stats } = await run.result();
if (!stdout.isTTY) stdout.write(texts[0]);
console.log(`\n\nTaken back on the way: ${remasked.map((text) => JSON.stringify(text)).join(" ")}`);
console.log(`${stats.forwardCalls} forward calls in ${stats.seconds.toFixed(1)} s`);
