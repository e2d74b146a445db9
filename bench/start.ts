/**
 * What a start takes, beside another build of remdm: the import, the whole command from cold, and the
 * memory of a backend at the published size. Each in turns.
 *
 *     npm run bench start -- --other ../remdm-of-before --rounds 9
 *
 * The other checkout is built already (`npm run build` there), with its own environment.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { findPython } from "remdm";
import { gigabytes, inTurns, median, ms, ratio, table, timed, times } from "./measure.ts";
import { Models } from "./places.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    other: { type: "string" },
    rounds: { type: "string", default: "9" },
    steps: { type: "string", default: "8" },
  },
});
if (values.other === undefined) {
  process.stdout.write("left out: name another checkout with --other\n");
} else {
  const builds = [resolve("."), resolve(values.other)] as const;
  await compareImports(builds, Number(values.rounds));
  await compareCommands(builds, Number(values.rounds));
  await comparePeaks(builds, Number(values.steps));
}

/** This checkout and the other one. */
type Builds = readonly [string, string];

async function compareImports([now, before]: Builds, rounds: number): Promise<void> {
  const seconds = await inTurns(rounds, {
    now: () => importing(join(now, "dist", "index.js")),
    before: () => importing(join(before, "dist", "index.js")),
    sampler: () => importing(join(now, "dist", "sampler", "index.js")),
  });
  process.stdout.write(`imports: medians of ${rounds} rounds, in turns\n`);
  table([
    ["", "this build", "the other", "this / other"],
    [
      "remdm",
      ms(median(seconds.now)),
      ms(median(seconds.before)),
      times(ratio(seconds.now, seconds.before)),
    ],
    ["remdm/sampler", ms(median(seconds.sampler)), "", ""],
  ]);
}

/** @returns the seconds that an import takes in a process of its own, without Node's own start. */
async function importing(path: string): Promise<number> {
  const program = `
    const begin = performance.now();
    await import(${JSON.stringify(path)});
    console.log((performance.now() - begin) / 1000);
  `;
  const { stdout } = await execa(process.execPath, ["--input-type=module", "-e", program]);
  return Number(stdout);
}

async function compareCommands([now, before]: Builds, rounds: number): Promise<void> {
  const sample = (root: string) => () =>
    timed(() =>
      execa(
        process.execPath,
        [join(root, "dist/cli/main.js"), ..."sample --checkpoint demo --steps 16".split(" ")],
        { cwd: root },
      ),
    );
  const python = findPython().path;
  const seconds = await inTurns(rounds, {
    now: sample(now),
    before: sample(before),
    torch: () => timed(() => execa(python, ["-c", "import torch"])),
  });
  process.stdout.write(`remdm sample --steps 16, from cold: medians of ${rounds} rounds\n`);
  table([
    ["", "seconds", "/ import torch"],
    ["this build", ms(median(seconds.now)), times(ratio(seconds.now, seconds.torch))],
    ["the other", ms(median(seconds.before)), times(ratio(seconds.before, seconds.torch))],
    ["python -c 'import torch'", ms(median(seconds.torch)), ""],
  ]);
}

async function comparePeaks([now, before]: Builds, steps: number): Promise<void> {
  using models = new Models();
  const model = await models.make("dit");
  const rows = [["backend's peak", "this build", "the other", "this / other"]];
  for (const dtype of ["float32", "bfloat16"] as const) {
    const ours = await peakAt(now, model, dtype, steps);
    const theirs = await peakAt(before, model, dtype, steps);
    rows.push([dtype, gigabytes(ours), gigabytes(theirs), times(ours / theirs)]);
  }
  process.stdout.write(`12 blocks of 768, one text of 1,024 tokens in ${steps} steps\n`);
  table(rows);
}

/** @returns the largest resident size of a backend that was loaded and sampled from, in bytes. */
async function peakAt(root: string, model: string, dtype: string, steps: number): Promise<number> {
  const program = `
    import { readFileSync } from "node:fs";
    const { Remdm } = await import(${JSON.stringify(join(root, "dist", "index.js"))});
    const tokenizer = {
      name: "none", vocabSize: 50257, eosId: 50256,
      encode: () => Promise.resolve([]), decode: () => "",
    };
    const options = { checkpoint: ${JSON.stringify(model)}, tokenizer, device: "cpu" };
    const remdm = await Remdm.launch({ ...options, dtype: ${JSON.stringify(dtype)} });
    const asked = { strategy: "remdm-loop", steps: ${steps}, topP: 0.9, seed: 1 };
    await remdm.sample(asked).result();
    const status = readFileSync("/proc/" + remdm.runtime.pid + "/status", "utf8");
    await remdm.close();
    console.log(/VmHWM:\\s+(\\d+)/.exec(status)[1]);
  `;
  const { stdout } = await execa(process.execPath, ["--input-type=module", "-e", program]);
  return Number(stdout) * 1024;
}
