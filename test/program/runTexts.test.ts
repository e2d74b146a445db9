/** What a run tells of its texts: the pieces that each event changes, with a real tokenizer. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { SampleRun } from "../../src/program/run.ts";
import { RunTexts, type RunEvent } from "../../src/program/runTexts.ts";
import {
  prepare,
  sampleEvents,
  type Denoiser,
  type DenoiserModel,
  type ForwardRequest,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const LENGTH = 24;
/** A few of GPT-2's tokens: words, thirds of characters, and last the end of a text. */
const TEXT = "the cat é 漢🪐 naïve<|endoftext|>";
const VOCABULARY = 11;
const END = VOCABULARY - 1;
const MASK = VOCABULARY;

let tokenizer: Tokenizer;
beforeAll(async () => {
  const gpt2 = await loadTokenizer("gpt2");
  const known = await gpt2.encode(TEXT);
  expect(known).toHaveLength(VOCABULARY);
  tokenizer = {
    name: "a few of GPT-2's",
    vocabSize: VOCABULARY,
    bosId: END,
    eosId: END,
    encode: async () => [],
    decode: (ids) => gpt2.decode(Array.from(ids, (id) => known[id])),
  };
});

class LikingDenoiser implements Denoiser {
  readonly model: DenoiserModel;

  constructor(kind: "mdlm" | "ar" | "d3pm") {
    const ends = { bosId: END, eosId: END };
    const shape = {
      vocabSize: VOCABULARY + 1,
      maskId: MASK,
      length: LENGTH,
      timeConditioning: false,
    };
    this.model = { kind, ...shape, ...ends, ...(kind === "d3pm" && { subsMasking: true }) };
  }

  async forward({ rows }: ForwardRequest): Promise<Float32Array> {
    const { vocabSize } = this.model;
    const logits = new Float32Array(rows.length * vocabSize);
    return logits.map((_, i) => (rows[Math.floor(i / vocabSize)] * 7 + (i % vocabSize) * 3) % 5);
  }
}

interface Setting {
  readonly kind: "mdlm" | "ar" | "d3pm";
  readonly options: SamplerOptions;
  readonly specialTokens?: boolean;
}

function start({ kind, options, specialTokens = true }: Setting) {
  const denoiser = new LikingDenoiser(kind);
  const run = prepare(options, denoiser.model);
  const texts = new RunTexts(tokenizer, { model: denoiser.model, run, specialTokens });
  return new SampleRun({
    run,
    start: (signal) => sampleEvents(denoiser, { ...options, signal }),
    texts,
    complete: (result) => result,
  });
}

const remasking: SamplerOptions = {
  strategy: { kind: "remdm-cap", eta: 0.3 },
  steps: 16,
  samples: 2,
  seed: 6,
};
const SETTINGS: [string, Setting][] = [
  ["remasking", { kind: "mdlm", options: remasking }],
  ["dense", { kind: "mdlm", options: { ...remasking, executor: "dense" } }],
  ["d3pm", { kind: "d3pm", options: { samples: 2, steps: 8 } }],
  ["windows", { kind: "mdlm", options: { ...remasking, length: 8, stride: 4, strides: 2 } }],
  [
    "pinned",
    {
      kind: "mdlm",
      options: {
        ...remasking,
        pinned: new Map([
          [3, 2],
          [9, 4],
        ]),
      },
    },
  ],
  ["from sample 5 on", { kind: "mdlm", options: { ...remasking, firstSample: 5 } }],
  ["ar", { kind: "ar", options: { samples: 3, seed: 2 } }],
  [
    "windows until the end",
    { kind: "mdlm", options: { ...remasking, until: "end", length: 8, stride: 4, strides: 2 } },
  ],
  ["mdlm until the end", { kind: "mdlm", options: { ...remasking, until: "end" } }],
  ["ar until its end", { kind: "ar", options: { samples: 6, seed: 2, until: "end" } }],
  ["no special tokens", { kind: "mdlm", options: remasking, specialTokens: false }],
];

describe.each(SETTINGS)("%s", (_, setting) => {
  const first = setting.options.firstSample ?? 0;

  it("the pieces that the events set are the text as it stands, at any time and in the end", async () => {
    const run = start(setting);
    const samples = new Map<number, string[]>();
    const stateOf = (sample: number): string[] => {
      const state = samples.get(sample) ?? [...start(setting).pieces(first)];
      samples.set(sample, state);
      return state;
    };
    for await (const event of run) {
      if (event.type === "progress") continue;
      const state = stateOf(event.sample);
      for (const { position, text } of event.pieces) {
        expect(text).not.toBe(state[position]); // tells changes alone
        state[position] = text;
      }
      expect(run.pieces(event.sample)).toEqual(state);
      if (event.type === "finished") expect(state.join("")).toBe(event.text);
    }
    const { texts } = await run.result();
    texts.forEach((text, i) => expect(stateOf(first + i).join("")).toBe(text));
    expect(texts).toHaveLength(setting.options.samples ?? 0);
  });

  it("every event is the same in JSON", async () => {
    const events: RunEvent[] = [];
    for await (const event of start(setting)) events.push(event);
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    const result = await start(setting).result();
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  it("are the same whether somebody watches or not", async () => {
    const watched = start(setting);
    for await (const event of watched) expect(event.type).not.toBe("");
    const { texts, tokens, finishReasons, entropies } = await start(setting).result();
    const result = { texts, tokens, finishReasons, entropies };
    expect(await watched.result()).toMatchObject(result);
  });
});

it.each([1, 2, 3, 4, 5, 6])(
  "left to right, the pieces written out are the text: seed %d",
  async (seed) => {
    const run = start({ kind: "ar", options: { samples: 1, seed, until: "end" } });
    let written = run.pieces(0)[0];
    for await (const event of run) {
      if (event.type === "progress") continue;
      for (const { text } of event.pieces) written += text;
    }
    const { texts } = await run.result();
    expect(written).toBe(texts[0]);
  },
);

it("without special tokens, texts and pieces have none, and tokens keep theirs", async () => {
  const setting: Setting = { kind: "ar", options: { samples: 2 }, specialTokens: false };
  const { texts, tokens } = await start(setting).result();
  const shown = await start({ ...setting, specialTokens: true }).result();
  expect(shown.texts[0]).toMatch(/^<\|endoftext\|>.*<\|endoftext\|>$/su);
  expect(tokens).toEqual(shown.tokens);
  expect(texts).toEqual(shown.texts.map((text) => text.replaceAll("<|endoftext|>", "")));
});

it("a sample's pieces can be read while somebody waits for the result alone", async () => {
  const run = start(SETTINGS[0][1]);
  expect(run.pieces(1)).toEqual(new Array<string>(LENGTH).fill("▒"));
  const { texts } = await run.result();
  expect(run.pieces(1).join("")).toBe(texts[1]);
});

it.each([-1, 2, 0.5])("refuses to show sample %d of 2", (sample) => {
  const run = start(SETTINGS[0][1]);
  expect(() => run.pieces(sample)).toThrow("sample must be an integer in [0, 1]");
});
