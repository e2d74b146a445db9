/** What is kept of a cell's samples beside their tokens. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { samplerOptionsOf } from "../../../src/experiment/file/cell.ts";
import { completeSamples } from "../../../src/experiment/run/cellSamples.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import type { LoadedModel } from "../../../src/experiment/run/services.ts";
import { sample, sampleEvents, type SamplerOptions } from "../../../src/sampler/index.ts";
import { TableDenoiser } from "../../sampler/support/tableDenoiser.ts";

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-samples-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

it.each([
  ["mdlm", 12],
  ["remdm-cap", 12],
  ["dfm", 3],
  ["remdm-conf", 3],
])("counts the calls of %s in the dense form, the last one too", async (name, steps) => {
  const grid = { steps, length: 10, samples: 6, batchSize: 2, executor: "dense" };
  const models = [{ checkpoint: "demo", strategies: [name] }];
  const { cells } = resolveExperiment({ name: "x", models, ...grid });
  const denoiser = new TableDenoiser(10);
  const loaded = {
    model: denoiser.model,
    tokenizer: { decode: () => "" },
    sample: (options: Parameters<typeof sampleEvents>[1]) => sampleEvents(denoiser, options),
  } as unknown as LoadedModel;
  const hooks = { signal: undefined, onProgress: () => undefined };
  const records = await completeSamples(join(scratch, "a.jsonl"), cells[0], loaded, hooks);
  const options = samplerOptionsOf(cells[0]) as SamplerOptions; // it names no tokens by texts
  const { stats } = await sample(new TableDenoiser(10), options);
  const batches = records.filter(({ sample: number }) => number % 2 === 0);
  expect(batches.reduce((sum, { forwardCalls }) => sum + forwardCalls, 0)).toBe(stats.forwardCalls);
  expect(stats.forwardCalls).toBeGreaterThan(3);
});

it("begins an interrupted cell of a d3pm model anew: its noise has no later beginning", async () => {
  const grid = { steps: 4, length: 10, samples: 3 };
  const models = [{ checkpoint: "demo", strategies: ["ddpm"] }];
  const { cells } = resolveExperiment({ name: "x", models, ...grid });
  const denoiser = new TableDenoiser(10, { kind: "d3pm", subsMasking: true });
  const loaded = {
    model: denoiser.model,
    tokenizer: { decode: () => "" },
    sample: (options: Parameters<typeof sampleEvents>[1]) => sampleEvents(denoiser, options),
  } as unknown as LoadedModel;
  const hooks = { signal: undefined, onProgress: () => undefined };
  const path = join(scratch, "a.jsonl");
  const whole = await completeSamples(path, cells[0], loaded, hooks);
  const [first] = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, `${first}\n`);
  expect(await completeSamples(path, cells[0], loaded, hooks)).toEqual(whole);
});
