/** A guided run of the program: its texts, settings and result. */
import { describe, expect, it } from "@jest/globals";
import { SampleRun } from "../../src/program/run.ts";
import { RunTexts, type RunEvent } from "../../src/program/runTexts.ts";
import {
  prepare,
  sampleEvents,
  type Denoiser,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const MODEL = { vocabSize: 4, maskId: 3, length: 6, timeConditioning: false };
const DIGITS: Tokenizer = {
  name: "digits",
  vocabSize: 3,
  encode: async (text) => Array.from(text, Number),
  decode: (ids) => Array.from(ids, (id) => (id === MODEL.maskId ? "▒" : String(id))).join(""),
};
const flat: Denoiser = {
  model: MODEL,
  forward: async ({ rows }) => new Float32Array(rows.length * MODEL.vocabSize),
};
const options: SamplerOptions = {
  strategy: { kind: "remdm-cap", eta: 0.2 },
  steps: 8,
  samples: 2,
  guide: {
    reward: ({ tokens }) => 3 * tokens.filter((token) => token === 1).length,
    particles: 4,
  },
};

function start(): SampleRun {
  const run = prepare(options, MODEL);
  const texts = new RunTexts(DIGITS, { model: MODEL, run, specialTokens: true });
  return new SampleRun({
    run,
    texts,
    complete: (result) => result,
    start: (signal) => sampleEvents(flat, { ...options, signal }),
  });
}

describe("a guided run", () => {
  it("shows the heaviest particle of each sample, and then the chosen one", async () => {
    const run = start();
    const pieces = new Map<number, string[]>();
    let shown = 0;
    for await (const event of run as AsyncIterable<RunEvent>) {
      if (event.type === "progress") continue;
      expect(["weighted", "finished"]).toContain(event.type);
      const own = pieces.get(event.sample) ?? new Array<string>(MODEL.length).fill("▒");
      pieces.set(event.sample, own);
      for (const { position, text } of event.pieces) own[position] = text;
      expect(run.pieces(event.sample)).toEqual(own);
      if (event.type === "finished") {
        expect(own.join("")).toBe(event.text);
        continue;
      }
      if (event.type !== "weighted") continue;
      const weights = event.particles.map(({ weight }) => weight);
      const heaviest = event.particles[weights.indexOf(Math.max(...weights))];
      const glyphs = heaviest.tokens.map((token) => (token === 3 ? "▒" : String(token)));
      expect(own.join("")).toBe(glyphs.join(""));
      shown++;
    }
    expect(shown).toBeGreaterThan(10);
  });

  it("has settings that JSON holds, and says how each sample was chosen", async () => {
    const run = start();
    expect(run.settings.guide).toEqual({
      ...{ particles: 4, method: "smc", strength: 1, every: 1 },
      ...{ resampleBelow: 0.5, resampling: "systematic" },
    });
    expect(JSON.parse(JSON.stringify(run.settings.guide))).toEqual(run.settings.guide);
    const { guided = [], tokens } = await run.result();
    expect(guided).toHaveLength(2);
    guided.forEach(({ particle, particles, reward }, i) => {
      expect(particles).toHaveLength(4);
      expect(particles[particle]).toMatchObject({ tokens: tokens[i], reward });
    });
  });
});
