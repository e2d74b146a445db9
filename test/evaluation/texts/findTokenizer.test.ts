import { beforeAll, describe, expect, it } from "@jest/globals";
import { findTokenizer } from "../../../src/evaluation/texts/findTokenizer.ts";
import type { SampleSet } from "../../../src/evaluation/texts/samplesFile.ts";
import { tokenEntropy } from "../../../src/evaluation/measures/entropy.ts";
import { loadTokenizer } from "../../../src/tokenizer/load.ts";

const texts = [
  "Now is the winter of our discontent made glorious summer by this sun of York;",
  "And all the clouds that lour'd upon our house in the deep bosom of the ocean buried.",
];

describe.each(["demo", "gpt2"])("samples of %s", (name) => {
  let tokens: Int32Array[];
  beforeAll(async () => {
    const tokenizer = await loadTokenizer(name);
    const encoded = await Promise.all(texts.map((text) => tokenizer.encode(text)));
    tokens = encoded.map((ids) => Int32Array.from(ids));
  });

  it("are known by their tokens", async () => {
    const own = await loadTokenizer(name);
    const found = await findTokenizer({ format: "jsonl", texts, tokens });
    expect(found?.name).toBe(own.name);
  });

  it("and by their entropies", async () => {
    const own = await loadTokenizer(name);
    const entropies = tokens.map((ids) => tokenEntropy(ids));
    const found = await findTokenizer({ format: "original", texts, entropies });
    expect(found?.name).toBe(own.name);
  });

  it("are refused with another one", async () => {
    const other = name === "demo" ? "gpt2" : "demo";
    await expect(findTokenizer({ format: "jsonl", texts, tokens }, other)).rejects.toMatchObject({
      code: "tokenizer_mismatch",
    });
  });
});

describe("samples that fit none", () => {
  it.each<[string, SampleSet]>([
    ["texts alone", { format: "jsonl", texts }],
    [
      "tokens of another model",
      { format: "jsonl", texts, tokens: [[1], [2]].map((ids) => Int32Array.from(ids)) },
    ],
    ["entropies of another model", { format: "original", texts, entropies: [1, 1] }],
  ])("%s", async (_, samples) => {
    expect(await findTokenizer(samples)).toBeUndefined();
  });

  it("have the one that is named, where they are texts alone", async () => {
    const tokenizer = await findTokenizer({ format: "jsonl", texts }, "gpt2");
    expect(tokenizer?.name).toBe("gpt2");
  });
});
