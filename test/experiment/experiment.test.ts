/** The runner on formulas in the place of networks, in this process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { runResolved } from "../../src/experiment/experiment.ts";
import type { ExperimentProgress } from "../../src/experiment/run/progress.ts";
import { resolveExperiment } from "../../src/experiment/file/read.ts";
import type { Services } from "../../src/experiment/run/services.ts";
import { sampleEvents } from "../../src/sampler/index.ts";
import { fakeServices } from "./support/fakeServices.mjs";

let scratch = "";
let log: string[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-exp-"));
  log = [];
  writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabc"\n"bcdbcdbcdbcd"\n');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const BASE = {
  name: "test",
  samples: 5,
  steps: [4],
  references: "real.jsonl",
  models: [{ checkpoint: "demo", name: "m", strategies: ["mdlm", "remdm-conf"] }],
};

function run(
  experiment: object,
  hooks: { signal?: AbortSignal; onProgress?: (p: ExperimentProgress) => void } = {},
  delay = 0,
) {
  const services = fakeServices(sampleEvents, {
    delay,
    log: (line: string) => log.push(line),
  }) as unknown as Services;
  const resolved = resolveExperiment(experiment, scratch);
  return runResolved(resolved, { out: join(scratch, "out"), ...hooks }, services);
}

const lines = (name: string): string[] =>
  readFileSync(join(scratch, "out", name), "utf8")
    .trimEnd()
    .split("\n");

it("launches each model and the judge once, reads the references once, and closes what it opened", async () => {
  const { results, table } = await run(BASE);
  expect(results.map(({ cell }) => cell)).toEqual([
    "m_mdlm_T4_p0.9_seed1",
    "m_remdm-conf_T4_p0.9_seed1",
  ]);
  const count = (word: string): number => log.filter((line) => line.startsWith(word)).length;
  expect([count("launch"), count("judge"), count("close")]).toEqual([1, 1, 2]);
  expect(log.filter((line) => line === "features 2")).toHaveLength(1);
  expect(table).toContain("| m | mdlm | 4 | 0.550 ± 0.050 |");
  expect(lines("results.jsonl")).toHaveLength(2);
  expect(lines("samples/m_mdlm_T4_p0.9_seed1.jsonl")).toHaveLength(5);
});

it("does nothing again when everything is done", async () => {
  await run(BASE);
  const before = lines("results.jsonl");
  log = [];
  await run(BASE);
  expect(log).toEqual([]);
  expect(lines("results.jsonl")).toEqual(before);
});

it("draws only the samples that are missing", async () => {
  await run(BASE);
  const file = "samples/m_mdlm_T4_p0.9_seed1.jsonl";
  const [whole, results] = [lines(file), lines("results.jsonl")];
  writeFileSync(join(scratch, "out", file), `${[whole[0], whole[3]].join("\n")}\n`);
  writeFileSync(join(scratch, "out", "results.jsonl"), `${results[1]}\n`);
  log = [];
  await run(BASE);
  expect(log.filter((line) => line.startsWith("sample"))).toEqual([
    "sample 1+2 of m",
    "sample 4+1 of m",
  ]);
  expect(lines(file)).toEqual(whole);
  expect(lines("results.jsonl")).toEqual(results);
});

it("takes new cells in, in their place, and refuses a changed one by name", async () => {
  await run(BASE);
  const [model] = BASE.models;
  const more = { ...BASE, models: [{ ...model, strategies: ["mdlm", "dfm", "remdm-conf"] }] };
  log = [];
  const { results } = await run(more);
  expect(log.filter((line) => line.startsWith("sample"))).toEqual(["sample 0+5 of m"]);
  expect(results.map(({ label }) => label)).toEqual(["mdlm", "dfm", "remdm-conf"]);
  expect(lines("results.jsonl").map((line) => line.slice(0, 14))).toEqual([
    '{"cell":"m_mdl',
    '{"cell":"m_dfm',
    '{"cell":"m_rem',
  ]);
  await expect(run({ ...more, samples: 6 })).rejects.toThrow(/samples was 5 and is 6/);
  await expect(run(BASE)).rejects.toThrow(/m_dfm_T4_p0\.9_seed1 is gone/);
  writeFileSync(join(scratch, "real.jsonl"), '"other"\n');
  await expect(run(more)).rejects.toThrow(/references was the file with SHA-256/);
});

it("stops on abort with what is finished kept, and goes on", async () => {
  const controller = new AbortController();
  const onProgress = ({ finishedSamples }: ExperimentProgress): void => {
    if (finishedSamples >= 2) controller.abort();
  };
  const slow = { ...BASE, batchSize: 1 };
  await expect(run(slow, { signal: controller.signal, onProgress }, 1)).rejects.toMatchObject({
    code: "aborted",
  });
  expect(log).toContain("close m");
  expect(lines("samples/m_mdlm_T4_p0.9_seed1.jsonl").length).toBeGreaterThanOrEqual(2);
  const seen: ExperimentProgress[] = [];
  await run(slow, { onProgress: (progress) => void seen.push(progress) });
  const loading = seen.find(({ stage }) => stage === "loading");
  expect(loading?.finishedSamples).toBeGreaterThanOrEqual(2);
  expect(seen.at(-1)).toMatchObject({ finishedCells: 2, finishedSamples: 10, share: 1 });
  expect(seen.every(({ share }, i) => i === 0 || share >= seen[i - 1].share - 1e-9)).toBe(true);
});

it("refuses a cell that the model cannot do, before it samples any", async () => {
  const long = { ...BASE, models: [{ ...BASE.models[0], length: 100 }] };
  await expect(run(long)).rejects.toThrow(/length must be an integer in \[1, 12\]; got 100/);
  expect(log.some((line) => line.startsWith("sample"))).toBe(false);
});

it("draws charts that stand alone, and a report that loads nothing", async () => {
  await run({ ...BASE, steps: [2, 4, 8] });
  for (const name of [
    "mauve-by-steps",
    "perplexity-by-steps",
    "entropy-by-steps",
    "mauve-by-perplexity",
  ]) {
    const svg = readFileSync(join(scratch, "out", "charts", `${name}.svg`), "utf8");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
    expect(svg).toContain("remdm-conf</text>");
    expect(svg).not.toMatch(/NaN|undefined|currentColor/);
  }
  const report = readFileSync(join(scratch, "out", "report.html"), "utf8");
  expect(report.match(/<svg /g)).toHaveLength(8); // for wide screens and for narrow ones
  expect(report.match(/<p>Sample \d, 12 characters<\/p>/g)).toHaveLength(18); // 3 of each cell
  expect(report).not.toMatch(/<script|<link|src=|https?:\/\/(?!www\.w3\.org)/);
});
