// Infilling: the beginning and the end are given, the model writes what stands between them.
// Run: npx tsc -p examples && node examples/dist/node/infill.js
import { Remdm } from "remdm";

await using remdm = await Remdm.launch({ checkpoint: "demo" });
const length = 48;
const opening = await remdm.tokenizer.encode("ROMEO:\nO, ");
const ending = await remdm.tokenizer.encode(" my lord.\n");

const pinned = new Map<number, number>();
opening.forEach((token, i) => pinned.set(i, token));
ending.forEach((token, i) => pinned.set(length - ending.length + i, token));

const { texts } = await remdm
  .sample({
    strategy: { kind: "remdm-cap", eta: 0.04 },
    steps: 64,
    topP: 0.9,
    samples: 3,
    length,
    pinned,
    seed: 3,
  })
  .result();
for (const text of texts) console.log(`${JSON.stringify(text)}\n`);
