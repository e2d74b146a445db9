/** A tokenizer of `vocab.json` and `merges.txt` does what the `tokenizer.json` of the same model does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { besideCheckpoint, loadTokenizer, tokenizerBeside } from "../../src/tokenizer/load.ts";
import { familyFile, scratchTokenizers } from "./support/families.ts";
import { generatedTexts } from "./support/texts.ts";

interface TokenizerFile {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: string[][] };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

const load = scratchTokenizers();
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "remdm-vocabulary-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, content: string | object): void {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(join(directory, name), text);
}

/** Writes a family's vocabulary as a tokenizer written in Python saves it. */
function writeFamily(family: string, settings: object): TokenizerFile {
  const file = JSON.parse(familyFile(family)) as TokenizerFile;
  const added = new Set(file.added_tokens.map(({ content }) => content));
  const own = Object.entries(file.model.vocab).filter(([token]) => !added.has(token));
  write("vocab.json", Object.fromEntries(own));
  const lines = file.model.merges.map((pair) => (Array.isArray(pair) ? pair.join(" ") : pair));
  write("merges.txt", `#version: 0.2\n${lines.join("\n")}\n`);
  write(
    "added_tokens.json",
    Object.fromEntries(file.added_tokens.map(({ content, id }) => [content, id])),
  );
  write("tokenizer_config.json", settings);
  return file;
}

describe("a tokenizer without a tokenizer.json", () => {
  it.each([
    ["qwen2", "DreamTokenizer"],
    ["qwen2", "Qwen2Tokenizer"],
    ["gpt2", "GPT2Tokenizer"],
  ])("cuts texts as %s (%s)", async (family, tokenizer_class) => {
    const { added_tokens: added } = writeFamily(family, { tokenizer_class });
    const [ours, theirs] = [await loadTokenizer(directory), await load(familyFile(family))];
    expect(ours.vocabSize).toBe(theirs.vocabSize);
    const ends = added.map(({ content }) => `a ${content}b`);
    for (const text of [...generatedTexts(300, 5), ...ends, "it'S  12\r\n\n x", "e\u0301"]) {
      const ids = await ours.encode(text);
      expect(ids).toEqual(await theirs.encode(text));
      expect(ours.decode(ids)).toBe(theirs.decode(ids));
    }
  });

  it("knows the tokens that its settings add, and which are special", async () => {
    const { model } = writeFamily("qwen2", {});
    const first = (await load(familyFile("qwen2"))).vocabSize;
    expect(Object.values(model.vocab)).not.toContain(first);
    write("tokenizer_config.json", {
      tokenizer_class: "DreamTokenizer",
      added_tokens_decoder: {
        [first + 1]: { content: "<|mask|>", special: true },
        [first]: { content: "<tool>", special: false, rstrip: true },
      },
    });
    write("special_tokens_map.json", { mask_token: { content: "<|mask|>" } });
    const tokenizer = await loadTokenizer(join(directory, "vocab.json"));
    expect(tokenizer).toMatchObject({ vocabSize: first + 2, maskId: first + 1 });
    expect(tokenizer.specialIds?.has(first + 1)).toBe(true);
    expect(tokenizer.specialIds?.has(first)).toBe(false);
    expect(await tokenizer.encode("<tool>  <|mask|>")).toEqual([first, first + 1]);
  });

  it("lies beside the weights, where no tokenizer.json does", async () => {
    writeFamily("qwen2", { tokenizer_class: "DreamTokenizer" });
    write("model.safetensors", "");
    const weights = join(directory, "model.safetensors");
    expect(besideCheckpoint(weights)).toBe(join(directory, "vocab.json"));
    expect((await tokenizerBeside(directory))?.name).toBe(join(directory, "vocab.json"));
    write("tokenizer.json", familyFile("gpt2"));
    expect(besideCheckpoint(weights)).toBe(join(directory, "tokenizer.json"));
    rmSync(join(directory, "tokenizer.json"));
    rmSync(join(directory, "merges.txt"));
    expect(besideCheckpoint(weights)).toBeUndefined();
  });

  it.each([
    [{ tokenizer_class: "EsmTokenizer" }, "names the class EsmTokenizer; known are DreamTokenizer"],
    [{}, "names no tokenizer_class"],
  ])("refuses classes that it does not know: %j", async (settings, message) => {
    writeFamily("gpt2", settings);
    await expect(loadTokenizer(directory)).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining(message),
      remedy: expect.stringContaining("save_pretrained"),
    });
  });

  it.each([
    [{ a: -1 }, '"a" has no id but -1'],
    [{ a: "0" }, '"a" has no id but "0"'],
    [{ a: 0, b: 0 }, '"a" and "b" share id 0'],
    ["[", "cannot be read"],
    ["[]", "it holds no object"],
  ])("refuses the vocabulary %j", async (vocabulary, message) => {
    write("vocab.json", vocabulary);
    write("merges.txt", "");
    write("tokenizer_config.json", { tokenizer_class: "GPT2Tokenizer" });
    await expect(loadTokenizer(directory)).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining(message),
    });
  });

  it("refuses a pair that makes no token", async () => {
    write("vocab.json", { a: 0, b: 1, bab: 2 });
    write("merges.txt", "a b\n");
    write("tokenizer_config.json", { tokenizer_class: "GPT2Tokenizer" });
    await expect(loadTokenizer(directory)).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining("a merge makes ab, which the vocabulary lacks"),
    });
  });
});
