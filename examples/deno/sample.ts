// The same SDK under Deno: launches the backend, samples, and ends by itself.
// Run: npx deno run --allow-ffi --allow-read --allow-write --allow-env --allow-run examples/deno/sample.ts
import { Remdm } from "remdm";

await using remdm = await Remdm.launch({ checkpoint: "demo" });
const { texts, stats } = await remdm
  .sample({
    strategy: { kind: "remdm-cap", eta: 0.04 },
    steps: 32,
    topP: 0.9,
    samples: 2,
    seed: 1,
  })
  .result();
texts.forEach((text, i) => console.log(`--- sample ${i}\n${text}`));
console.log(`${stats.forwardCalls} forward calls in ${stats.seconds.toFixed(1)} s`);
