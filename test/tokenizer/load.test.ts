import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  checkJudgeTokenizer,
  checkTokenizer,
  loadTokenizer,
  tokenizerBeside,
  tokenizerFor,
} from "../../src/tokenizer/load.ts";
import { BUNDLED_NAMES } from "../../src/checkpoints/published.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

/** Two letters and an end. */
const TINY = {
  version: "1.0",
  added_tokens: [
    {
      id: 2,
      content: "</s>",
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
  ],
  normalizer: null,
  pre_tokenizer: {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: { type: "BPE", vocab: { a: 0, b: 1, "</s>": 2 }, merges: [] },
};

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "remdm-load-"));
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(TINY));
  writeFileSync(join(directory, "model.ckpt"), "");
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function model(vocabSize: number, maskId = vocabSize - 1) {
  return { vocabSize, maskId, length: 4, timeConditioning: false };
}

describe("loadTokenizer", () => {
  it("knows gpt2 by name", async () => {
    expect((await loadTokenizer("gpt2")).vocabSize).toBe(50257);
  });

  it.each(["tokenizer.json", ""])("reads a file, or the one in a directory: %j", async (name) => {
    const tokenizer = await loadTokenizer(join(directory, name));
    expect(tokenizer).toMatchObject({ vocabSize: 3, eosId: 2 });
    expect(await tokenizer.encode("ab</s>a")).toEqual([0, 1, 2, 0]);
    expect(tokenizer.decode([0, 3, 1, 2])).toBe("a▒b</s>");
  });

  it("refuses a directory without one", async () => {
    await expect(loadTokenizer(tmpdir())).rejects.toMatchObject({ code: "tokenizer_invalid" });
  });
});

describe("the default tokenizer", () => {
  it.each(["model.ckpt", ""])("is the one beside the checkpoint: %j", async (name) => {
    expect((await tokenizerBeside(join(directory, name)))?.vocabSize).toBe(3);
  });

  it("is none where none is", async () => {
    expect(await tokenizerBeside(join(tmpdir(), "model.ckpt"))).toBeUndefined();
  });

  it("is GPT-2's for a model of that vocabulary and a mask", async () => {
    expect((await tokenizerFor(model(50258))).name).toBe("gpt2");
  });

  it.each(BUNDLED_NAMES)("is the bundled models' own for %s, whoever runs it", async (name) => {
    const tokenizer = await tokenizerFor({ vocabSize: 4097, name });
    expect(tokenizer.vocabSize).toBe((await loadTokenizer("demo")).vocabSize);
    await expect(tokenizerFor({ vocabSize: 513, name })).rejects.toThrow("513");
  });

  it("has to be named for any other", async () => {
    await expect(tokenizerFor({ vocabSize: 4097, name: "mine" })).rejects.toThrow("4097");
    await expect(tokenizerFor(model(513))).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining("513"),
      remedy: expect.stringContaining("tokenizer"),
    });
  });
});

describe("checkTokenizer", () => {
  const tokenizer = (vocabSize: number): Tokenizer => ({
    name: "mine",
    vocabSize,
    encode: () => Promise.resolve([]),
    decode: () => "",
  });

  it.each([
    ["the mask is the one token beyond it", 512, model(513)],
    ["the mask is the last of its own", 513, model(513)],
    ["the mask is any of its own", 513, model(513, 103)],
  ])("takes one when %s", (_, size, given) => {
    expect(() => checkTokenizer(tokenizer(size), given)).not.toThrow();
  });

  const huggingFace = (vocabSize: number, maskId: number) => ({
    ...model(vocabSize, maskId),
    format: "huggingface",
  });

  it.each([
    ["ModernBERT", 50280, 50368],
    ["LLaDA", 126349, 126464],
    ["Dream", 151667, 152064],
    ["Qwen2.5 7B", 151665, 152064],
    ["Qwen2.5 0.5B", 151665, 151936],
    ["BERT", 30522, 30522],
    ["ESM-2", 33, 33],
    ["a vocabulary of 33 padded to 64", 33, 64],
    ["Pythia 12B", 50277, 50688],
    ["Phi-2", 50295, 51200],
  ])("takes that of %s, %i tokens for %i columns: an embedding may be padded", (_, tokens, V) => {
    expect(() => checkTokenizer(tokenizer(tokens), huggingFace(V, 4))).not.toThrow();
    expect(() => checkJudgeTokenizer(tokenizer(tokens), huggingFace(V, V))).not.toThrow();
  });

  it.each([
    ["multilingual BERT and English BERT", 30522, 119547],
    ["BERT uncased and cased", 28996, 30522],
    ["Llama 3 and LLaDA", 126349, 128256],
    ["a small model and a smaller tokenizer", 100, 513],
    ["one column beyond a padding", 384, 513],
    ["a tokenizer larger than the model", 514, 513],
  ])("refuses more than a padding: %s (%i tokens, %i columns)", (_, tokens, V) => {
    const mismatch = expect.objectContaining({ code: "tokenizer_mismatch" });
    expect(() => checkTokenizer(tokenizer(tokens), huggingFace(V, 4))).toThrow(mismatch);
    expect(() => checkJudgeTokenizer(tokenizer(tokens), huggingFace(V, V))).toThrow(mismatch);
  });

  it("refuses one whose mask is none of its own, of a Hugging Face model", () => {
    expect(() => checkTokenizer(tokenizer(500), huggingFace(513, 500))).toThrow(
      expect.objectContaining({ code: "tokenizer_mismatch" }),
    );
  });

  it.each([
    ["too large", 514, model(513)],
    ["too small", 511, model(513)],
    ["of another model", 50257, model(513)],
    ["one token short, though the mask is among its own", 512, model(513, 5)],
  ])("refuses one that is %s, and names both sizes", (_, size, given) => {
    expect(() => checkTokenizer(tokenizer(size), given)).toThrow(
      expect.objectContaining({
        code: "tokenizer_mismatch",
        message: expect.stringMatching(new RegExp(`mine has ${size} tokens, the model 513`)),
      }),
    );
  });
});

describe("checkJudgeTokenizer", () => {
  const encode = () => Promise.resolve([]);
  const tokenizer = { name: "mine", vocabSize: 500, encode, decode: () => "" };

  it("takes one that is smaller than a judge of Hugging Face, which has no mask", () => {
    const judge = { vocabSize: 512, maskId: 512, format: "huggingface" };
    expect(() => checkJudgeTokenizer(tokenizer, judge)).not.toThrow();
  });

  it.each([
    ["larger than a judge of Hugging Face", { ...model(499), format: "huggingface" }],
    ["of another size than a judge of ours", model(513)],
  ])("refuses one %s", (_, judge) => {
    expect(() => checkJudgeTokenizer(tokenizer, judge)).toThrow(
      expect.objectContaining({ code: "tokenizer_mismatch" }),
    );
  });
});

it("adds what a tokenizer puts around a whole text only where it is asked to", async () => {
  const path = join(directory, "whole.json");
  const post_processor = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "</s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "</s>": { id: "</s>", ids: [2], tokens: ["</s>"] } },
  };
  writeFileSync(path, JSON.stringify({ ...TINY, post_processor }));
  const tokenizer = await loadTokenizer(path);
  expect(await tokenizer.encode("ab")).toEqual([0, 1]);
  expect(await tokenizer.encode("ab", { whole: true })).toEqual([2, 0, 1]);
});
