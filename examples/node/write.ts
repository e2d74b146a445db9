// Writes a text from left to right, piece by piece as it comes, and stops where the model ends it.
// Run: npx tsc -p examples && node examples/dist/node/write.js
import { Remdm } from "remdm";

await using remdm = await Remdm.launch({ checkpoint: "demo-ar" });
const prompt = "ROMEO:";
const run = remdm.sample({ prompt, topP: 0.9, until: "end", specialTokens: false, seed: 4 });

process.stdout.write(prompt);
for await (const event of run) {
  if (event.type === "progress") continue;
  for (const { text } of event.pieces) process.stdout.write(text);
}

const { finishReasons, stats } = await run.result();
console.log(`\n\n${finishReasons[0]} after ${stats.forwardCalls} forward calls`);
