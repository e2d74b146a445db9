/** What a tokenizer does not know of a text is told, not passed over. */
import { describe, expect, it } from "@jest/globals";
import { pinPrompt } from "../../src/program/prompt.ts";
import type { Tokenizer, UnknownPiece } from "../../src/tokenizer/tokenizer.ts";
import { FAMILIES, familyFile, scratchTokenizers } from "./support/families.ts";

const load = scratchTokenizers();

async function unknownTo(tokenizer: Tokenizer, text: string): Promise<UnknownPiece[]> {
  const pieces: UnknownPiece[] = [];
  await tokenizer.encode(text, { onUnknown: (piece) => pieces.push(piece) });
  return pieces;
}

const vocab = (...names: string[]) => Object.fromEntries(names.map((name, id) => [name, id]));
const amino = vocab("[UNK]", "M", "K", "T", "A");
const unknownToken = {
  added_tokens: [
    {
      ...{ id: 0, content: "[UNK]", special: true },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
    },
  ],
};
const proteins = (unk_token: string) => ({
  version: "1.0",
  pre_tokenizer: { type: "WhitespaceSplit" },
  model: { type: "WordLevel", unk_token, vocab: amino },
});

describe("a piece that becomes the unknown token", () => {
  it("is told with its place, in characters", async () => {
    const tokenizer = await load({ ...unknownToken, ...proteins("[UNK]") });
    expect(await unknownTo(tokenizer, "M 𠀀 K MKT")).toEqual([
      { text: "𠀀", position: 2 },
      { text: "MKT", position: 6 },
    ]);
    expect(await unknownTo(tokenizer, "M K T")).toEqual([]);
  });

  it("is not one that the text writes itself", async () => {
    const tokenizer = await load({ ...unknownToken, ...proteins("[UNK]") });
    expect(await unknownTo(tokenizer, "M [UNK] K[UNK]")).toEqual([]);
    expect(await tokenizer.encode("M [UNK] K[UNK]")).toEqual([1, 0, 2, 0]);
  });

  it.each([
    ["bert-uncased", "the ☃ king", [{ text: "☃", position: 4 }]],
    ["t5", "the ☃☃ king", [{ text: "☃☃", position: 4 }]],
    ["xlm-roberta", "☃ <unk>", [{ text: "☃", position: 0 }]],
    ["albert", "the king ☃", [{ text: "☃", position: 9 }]],
  ])("is known of %s: %j", async (name, text, pieces) => {
    expect(await unknownTo(await load(familyFile(name)), text)).toEqual(pieces);
  });

  it.each(
    FAMILIES.filter(
      (name) => /gpt2|roberta$|llama|llada|qwen|modern/.test(name) && name !== "xlm-roberta",
    ),
  )("is none of %s, which knows all bytes", async (name) => {
    expect(await unknownTo(await load(familyFile(name)), "☃\u{10ffff}\0 é")).toEqual([]);
  });

  it("is one that BPE without an unknown token drops", async () => {
    const model = { type: "BPE", vocab: vocab("a", "b", "ab"), merges: ["a b"] };
    const tokenizer = await load({ version: "1.0", model });
    expect(await tokenizer.encode("aéb")).toEqual([2]); // as Python's does
    expect(await unknownTo(tokenizer, "aéb")).toEqual([{ text: "é", position: 1 }]);
    expect(await unknownTo(tokenizer, "ab")).toEqual([]);
  });
});

describe("a text that a tokenizer without an unknown token does not know", () => {
  it.each<[string, object]>([
    ["WordLevel", { type: "WordLevel", unk_token: "<none>", vocab: amino }],
    [
      "WordPiece",
      {
        ...{ type: "WordPiece", unk_token: "<none>", continuing_subword_prefix: "##" },
        ...{ max_input_chars_per_word: 100, vocab: amino },
      },
    ],
    ["Unigram", { type: "Unigram", unk_id: null, vocab: Object.keys(amino).map((a) => [a, -1]) }],
  ])("is refused, and the piece named: %s", async (_, model) => {
    const tokenizer = await load({ ...proteins("<none>"), model });
    expect(await tokenizer.encode("M K")).toEqual([1, 2]);
    await expect(tokenizer.encode("M ZZ K")).rejects.toMatchObject({
      name: "TokenizerError",
      code: "tokenizer_unknown",
      message: expect.stringContaining('has no token for "ZZ", at character 3 of the text'),
    });
  });
});

describe("a prompt", () => {
  const model = { vocabSize: 6, maskId: 5, length: 8, timeConditioning: false };
  const options = { strategy: { kind: "mdlm" }, steps: 4 } as const;

  it("of two proteins without blanks is refused for either, not sampled as one unknown token", async () => {
    const tokenizer = await load({ ...unknownToken, ...proteins("[UNK]") });
    for (const prompt of ["MKTA", "AAKT"]) {
      await expect(pinPrompt({ ...options, prompt }, tokenizer, model)).rejects.toMatchObject({
        code: "tokenizer_unknown",
        message: expect.stringContaining(`"${prompt}", at character 1 of the text`),
        remedy: expect.stringContaining("blanks"),
      });
    }
    const { pinned } = await pinPrompt({ ...options, prompt: "M [UNK] T" }, tokenizer, model);
    expect([...(pinned ?? [])]).toEqual([[0, 1], [1, 0], [2, 3]]); // prettier-ignore
  });

  it("that is long is named by its beginning", async () => {
    const tokenizer = await load({ ...unknownToken, ...proteins("[UNK]") });
    const prompt = "𠀀".repeat(500);
    await expect(pinPrompt({ ...options, prompt }, tokenizer, model)).rejects.toThrow(
      `"${"𠀀".repeat(40)}…"`,
    );
  });
});
