import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadHuggingFace } from "../../src/tokenizer/huggingFace.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "remdm-special-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(name: string, content: unknown): void {
  writeFileSync(
    join(directory, name),
    typeof content === "string" ? content : JSON.stringify(content),
  );
}

/** BERT's kind: whole words and pieces of words, with the mask in the middle. */
function writeWordPiece(...special: string[]): void {
  const tokens = ["[UNK]", "sun", "shin", "##ing", ...special, "moon"];
  const added = (content: string) => ({
    id: tokens.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  write("tokenizer.json", {
    version: "1.0",
    added_tokens: ["[UNK]", ...special].map(added),
    normalizer: {
      type: "BertNormalizer",
      ...{ clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  });
}

function load(): Promise<Tokenizer> {
  return loadHuggingFace(join(directory, "tokenizer.json"));
}

describe("the special tokens of a tokenizer.json", () => {
  it("are those that tokenizer_config.json names, by text or by record", async () => {
    writeWordPiece("<a>", "<b>", "<m>");
    write("tokenizer_config.json", { bos_token: "<a>", eos_token: { content: "<b>" } });
    write("special_tokens_map.json", { mask_token: { content: "<m>" }, bos_token: "<b>" });
    expect(await load()).toMatchObject({ bosId: 4, eosId: 5, maskId: 6 });
  });

  it("are BERT's where a text is begun and ended by its cls and sep", async () => {
    writeWordPiece("[CLS]", "[SEP]", "[MASK]");
    const names = { cls_token: "[CLS]", sep_token: "[SEP]", mask_token: "[MASK]", eos_token: null };
    write("tokenizer_config.json", names);
    expect(await load()).toMatchObject({ bosId: 4, eosId: 5, maskId: 6 });
  });

  it("has the mask of the model's config.json first", async () => {
    writeWordPiece("<m>", "<n>");
    write("tokenizer_config.json", { mask_token: "<m>" });
    write("config.json", { mask_token_id: 5 });
    expect((await load()).maskId).toBe(5);
  });

  it.each(["<|endoftext|>", "</s>", "[SEP]"])(
    "is the end of a text by its name, %s, where no file says so",
    async (token) => {
      writeWordPiece(token);
      const { bosId, eosId, maskId } = await load();
      expect({ bosId, eosId, maskId }).toEqual({ eosId: 4 });
    },
  );

  it("are none where the names are in no vocabulary, or are no names", async () => {
    writeWordPiece();
    write("tokenizer_config.json", { bos_token: "<s>", eos_token: 7, mask_token: null });
    write("config.json", { mask_token_id: "4" });
    const { bosId, eosId, maskId } = await load();
    expect({ bosId, eosId, maskId }).toEqual({});
  });

  it.each(["{", "[1]", "null"])("are not read from a file that holds %j", async (text) => {
    writeWordPiece();
    write("tokenizer_config.json", text);
    await expect(load()).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining("tokenizer_config.json"),
    });
  });
});

describe("a mask inside the vocabulary", () => {
  it("is shown as a mask, and read as the token that it is", async () => {
    writeWordPiece("[MASK]");
    write("tokenizer_config.json", { mask_token: "[MASK]" });
    const tokenizer = await load();
    expect(await tokenizer.encode("Sun shining [MASK] moon")).toEqual([1, 2, 3, 4, 5]);
    expect(tokenizer.decode([2, 3, 4, 4, 5])).toBe("shining ▒ ▒ moon");
    expect(tokenizer.decode([4, 1], { mask: "_" })).toBe("_ sun");
  });
});
