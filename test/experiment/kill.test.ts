// @part slow
/** SIGKILL at any moment, in a process of its own: what comes out in the end is what an undisturbed run gives. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { BuiltPackage } from "../backend/support/builtPackage.ts";

/** The first of them before the first sample: manifest, lock, launch, references. */
const EARLY_KILLS = 3;
const KILLS = 10 + EARLY_KILLS;
/** Samples that a kill costs at most: a batch, or what is there of a cell with PyTorch's noise. */
const LOST = 6;

let built: BuiltPackage;
let scratch = "";
beforeAll(() => {
  built = new BuiltPackage();
  scratch = mkdtempSync(join(tmpdir(), "remdm-kill-"));
  writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabc"\n"bcdbcdbcdbcd"\n');
});
afterAll(() => {
  built.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const EXPERIMENT = {
  name: "killed",
  samples: 24,
  batchSize: 5,
  steps: [4, 16],
  references: "real.jsonl",
  seeds: [1, 2],
  models: [
    { checkpoint: packageRoot, name: "one", strategies: ["mdlm", { name: "remdm-cap", eta: 0.3 }] },
    {
      checkpoint: packageRoot,
      name: "two",
      seeds: 1,
      samples: 6,
      strategies: [{ name: "remdm-loop", executor: "dense" }, "remdm-conf"],
    },
  ],
};

/** One session, in its own process; it says `done` when nothing is left to do. */
function session(out: string) {
  return built.run(`
    import { sampleEvents } from "./dist/sampler/run.js";
    import { resolveExperiment } from "./dist/experiment/file/read.js";
    import { runResolved } from "./dist/experiment/experiment.js";
    import { fakeServices } from ${JSON.stringify(join(packageRoot, "test/experiment/support/fakeServices.mjs"))};
    const experiment = resolveExperiment(${JSON.stringify(EXPERIMENT)}, ${JSON.stringify(scratch)});
    console.log("begin");
    // The models' files play no part here: digests of this repository would take long.
    for (const model of experiment.models) model.checkpoint = "/nowhere";
    const services = fakeServices(sampleEvents, { delay: 8, log: console.log });
    await runResolved(experiment, { out: ${JSON.stringify(out)} }, services);
    console.log("done");
  `);
}

/** Everything that is to be the same; the times that cells took are not, and `.next` is not there yet. */
function contents(out: string): Record<string, string> {
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter(
    (name) => /\.(?!next$)\w+$/.test(name) && !name.startsWith("timings."),
  );
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

it(
  "kills at random times, early ones too, change no byte of the results, and what was finished is not done again",
  async () => {
    const calm = join(scratch, "calm");
    const { stdout, stderr } = await session(calm);
    expect(stderr).toBe("");
    expect(stdout).toContain("done");
    const whole = stdout.match(/^sample /gm)?.length ?? 0;
    const total = stdout.match(/^finished /gm)?.length ?? 0;
    expect(readFileSync(join(calm, "results.jsonl"), "utf8")).toContain('"mauve":');

    const out = join(scratch, "killed");
    let random = 12345; // a linear congruential generator: the same times in every run of this test
    let [kills, drawn, finished] = [0, 0, 0];
    const lengths: number[] = [];
    for (let sessions = 0; sessions < 60; sessions++) {
      const child = session(out);
      let killed = false;
      if (kills < KILLS) {
        random = (Math.imul(random, 1103515245) + 12345) >>> 0;
        // Counted from its first work, so that loading, which is slow on a busy machine, does not use the time up.
        const isEarly = kills < EARLY_KILLS;
        const after = isEarly ? random % 20 : 20 + (random % 250);
        const sign = isEarly ? "begin" : "sample ";
        const begun = new Promise<void>((resolve) => {
          child.stdout.on("data", (chunk: Buffer) => {
            if (chunk.toString().includes(sign)) resolve();
          });
        });
        void begun
          .then(() => pause(after))
          .then(() => {
            killed = child.kill("SIGKILL");
          });
      }
      const end = await child;
      if (end.signal === "SIGKILL") kills++;
      else expect({ killed, stderr: end.stderr }).toEqual({ killed: false, stderr: "" });
      drawn += end.stdout.match(/^sample /gm)?.length ?? 0;
      finished += end.stdout.match(/^finished /gm)?.length ?? 0;
      lengths.push(Object.values(contents(out)).join("").length);
      if (end.stdout.includes("done")) break;
    }
    expect(kills).toBe(KILLS);
    expect(contents(out)).toEqual(contents(calm));
    expect(whole).toBe(12);
    // Each session begins at most the gaps that the last one left.
    expect(drawn).toBeGreaterThan(whole);
    expect(finished).toBeGreaterThanOrEqual(total);
    expect(finished).toBeLessThanOrEqual(total + KILLS * LOST);
    expect([...lengths].sort((a, b) => a - b)[0]).toBe(lengths[0]);
  },
  10 * 60_000,
);

/** The bundled model, through the command line. */
const REAL = {
  name: "real",
  samples: 6,
  batchSize: 2,
  length: 48,
  steps: [8, 12],
  device: "cpu",
  judge: false,
  models: [{ checkpoint: "demo", strategies: ["mdlm", { name: "remdm-cap", eta: 0.1 }] }],
};

function command(out: string) {
  const file = join(scratch, "real.json");
  writeFileSync(file, JSON.stringify(REAL));
  const args = JSON.stringify(["experiment", file, "--out", out]);
  return built.run(`import { main } from "./dist/cli/program.js"; await main(${args});`);
}

function samplesIn(out: string): number {
  const files = Object.entries(existsSync(out) ? contents(out) : {});
  const samples = files.filter(([name]) => name.startsWith("samples"));
  return samples.reduce((sum, [, text]) => sum + (text.match(/\n/g)?.length ?? 0), 0);
}

it(
  "the command on a real network is killed between samples, goes on, and leaves no backend behind",
  async () => {
    const [calm, out] = [join(scratch, "calm-real"), join(scratch, "killed-real")];
    const { exitCode, stdout } = await command(calm);
    expect(exitCode ?? 0).toBe(0);
    for (const enough of [1, 9]) {
      const child = command(out);
      const over = child.then(() => true);
      try {
        while (samplesIn(out) < enough) {
          if (await Promise.race([over, pause(5, false)])) break;
        }
      } finally {
        child.kill("SIGKILL");
      }
      expect((await child).signal).toBe("SIGKILL");
      expect(samplesIn(out)).toBeGreaterThanOrEqual(enough);
      expect(samplesIn(out)).toBeLessThan(24);
    }
    const end = await command(out);
    expect(end.stdout).toBe(stdout);
    expect(contents(out)).toEqual(contents(calm));
    for (let i = 0; built.leftovers.length > 0 && i < 200; i++) await pause(100);
    expect(built.leftovers).toEqual([]);
  },
  10 * 60_000,
);
