// Streams two samples from the bundled model and shows each as it forms.
// Run: npx tsc -p examples && node examples/dist/node/stream.js
import { Remdm } from "remdm";

await using remdm = await Remdm.launch({ checkpoint: "demo" });
const run = remdm.sample({
  strategy: { kind: "remdm-loop", eta: 0.02, tOn: 0.55, tOff: 0.05, alphaOn: 0.9 },
  steps: 64,
  topP: 0.9,
  samples: 2,
  seed: 7,
});

let reveals = 0;
let remasks = 0;
for await (const event of run) {
  switch (event.type) {
    case "revealed":
      reveals += event.positions.length;
      break;
    case "remasked":
      remasks += event.positions.length;
      break;
    case "finished":
      console.log(`--- sample ${event.sample}\n${remdm.tokenizer.decode(event.tokens)}`);
      break;
    case "progress":
      break;
  }
}

const { stats } = await run.result;
console.log(
  `${reveals} reveals, ${remasks} remasks, ${stats.forwardCalls} forward calls in ${stats.seconds.toFixed(1)} s`,
);
