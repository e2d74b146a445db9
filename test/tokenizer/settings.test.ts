// @part slow
/** Each setting of a tokenizer.json by itself, beside Python's `tokenizers` 0.23.3, on 2,000 generated texts. */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { scratchTokenizers } from "./support/families.ts";
import { askPython, type Answer } from "./support/python.ts";
import { generatedTexts } from "./support/texts.ts";

const load = scratchTokenizers();
const TEXTS = generatedTexts(2000, 3);

const tokens = ["[UNK]", ..."the shall ? ! ... a b 1 42 漢字 café 𠀀 ΟΔΟΣ İstanbul n't".split(" ")];
const words = {
  type: "WordLevel",
  unk_token: "[UNK]",
  vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
};
const letters = Array.from(" abcdefghijklmnopqrstuvwxyz");
const split = (pattern: object, behavior: string, invert = false) => ({
  pre_tokenizer: { type: "Split", pattern, behavior, invert },
});
const added = (content: string, flags: object) => ({
  added_tokens: [
    {
      ...{ id: tokens.length, content, special: false },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
      ...flags,
    },
  ],
});
const BEHAVIORS = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"];
const PREFIXED = ["a", "##b", "ab", "[UNK]", ...letters.map((letter) => `##${letter}`)];

const SETTINGS: Readonly<Record<string, object>> = {
  Whitespace: { pre_tokenizer: { type: "Whitespace" } },
  WhitespaceSplit: { pre_tokenizer: { type: "WhitespaceSplit" } },
  BertPreTokenizer: { pre_tokenizer: { type: "BertPreTokenizer" } },
  UnicodeScripts: { pre_tokenizer: { type: "UnicodeScripts" } },
  CharDelimiterSplit: { pre_tokenizer: { type: "CharDelimiterSplit", delimiter: "a" } },
  FixedLength: { pre_tokenizer: { type: "FixedLength", length: 3 } },
  "Digits together": { pre_tokenizer: { type: "Digits", individual_digits: false } },
  "Digits one by one": { pre_tokenizer: { type: "Digits", individual_digits: true } },
  ...Object.fromEntries(
    BEHAVIORS.flatMap((behavior) => [
      [`Punctuation ${behavior}`, { pre_tokenizer: { type: "Punctuation", behavior } }],
      [`Split ${behavior}`, split({ Regex: "\\p{P}|\\s" }, behavior)],
      [`Split ${behavior}, inverted`, split({ Regex: "\\w+" }, behavior, true)],
      [`Split by a text, ${behavior}`, split({ String: " " }, behavior)],
    ]),
  ),
  ...Object.fromEntries(
    ["first", "always", "never"].flatMap((prepend_scheme) =>
      [true, false].map((split) => {
        const pre_tokenizer = { type: "Metaspace", replacement: "▁", prepend_scheme, split };
        return [`Metaspace ${prepend_scheme}${split ? "" : ", whole"}`, { pre_tokenizer }];
      }),
    ),
  ),
  ...Object.fromEntries(
    ["Nmt", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase", "ByteLevel"].map((type) => [
      type,
      { normalizer: { type }, pre_tokenizer: { type: "WhitespaceSplit" } },
    ]),
  ),
  "Strip, Replace and Prepend": {
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Strip", strip_left: true, strip_right: true },
        { type: "Replace", pattern: { Regex: "[^\\w\\s]+" }, content: " ! " },
        { type: "Prepend", prepend: "the " },
      ],
    },
    pre_tokenizer: { type: "WhitespaceSplit" },
  },
  "an added token that is a single word": added("sh", { single_word: true }),
  "an added token that takes blanks": added("b", { lstrip: true, rstrip: true }),
  "an added token of normalized text": {
    ...added("the", { normalized: true }),
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
  },
  "BPE with a prefix for what continues a word": {
    pre_tokenizer: { type: "Whitespace" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: false },
    model: {
      type: "BPE",
      ...{ unk_token: "[UNK]", continuing_subword_prefix: "##", fuse_unk: false },
      vocab: Object.fromEntries(PREFIXED.map((token, id) => [token, id])),
      merges: [["a", "##b"]],
    },
  },
  "BPE that drops what it does not know": {
    model: {
      type: "BPE",
      vocab: { ...Object.fromEntries(letters.map((letter, id) => [letter, id])), th: 27, the: 28 },
      merges: ["t h", "th e"],
    },
  },
  "Unigram that falls back to bytes": {
    model: {
      ...{ type: "Unigram", unk_id: 0, byte_fallback: true },
      vocab: [
        ["<unk>", 0],
        ...letters.map((letter) => [letter, -3]),
        ...Array.from({ length: 256 }, (_, byte) => [
          `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
          0,
        ]),
      ],
    },
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
  },
};

const fileOf = (setting: object): string =>
  JSON.stringify({ version: "1.0", model: words, ...setting });

describe("beside Python's tokenizers", () => {
  const answers = new Map<string, Answer>();
  beforeAll(async () => {
    const all = await askPython(Object.values(SETTINGS).map(fileOf), TEXTS);
    Object.keys(SETTINGS).forEach((name, i) => answers.set(name, all[i]));
  }, 300_000);

  it.each(Object.entries(SETTINGS))("%s: the same ids and texts", async (name, setting) => {
    const tokenizer = await load(fileOf(setting));
    const expected = answers.get(name);
    const ids = await Promise.all(TEXTS.map((text) => tokenizer.encode(text)));
    const wrong = TEXTS.filter((_, i) => String(ids[i]) !== String(expected?.ids[i]));
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(ids.map((one) => tokenizer.decode(one))).toEqual(expected?.texts);
  });
});

// What @huggingface/tokenizers 0.2.0 makes of these stands behind each; see docs/surprises.md.
describe("settings that JavaScript's port of the library reads otherwise", () => {
  const vocab = (...names: string[]) => Object.fromEntries(names.map((name, id) => [name, id]));
  const wordLevel = (...names: string[]) => ({
    model: { type: "WordLevel", unk_token: "[UNK]", vocab: vocab(...names) },
  });
  const bert = {
    type: "BertNormalizer",
    ...{ clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  };

  it("an unknown word has the unknown token's id (undefined)", async () => {
    const pre_tokenizer = { type: "Whitespace" };
    const tokenizer = await load({
      ...wordLevel("x", "[UNK]", "y", "the", "dog", "sat"),
      pre_tokenizer,
    });
    expect(await tokenizer.encode("the red sat")).toEqual([3, 1, 5]);
  });

  it("each punctuation mark is a piece (runs stay together)", async () => {
    const tokenizer = await load({
      ...wordLevel("[UNK]", "what", "no", "?", "!", "."),
      normalizer: { type: "Lowercase" },
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Punctuation", behavior: "Isolated" }],
      },
    });
    const ids = await tokenizer.encode("What?! No...");
    expect(tokenizer.decode(ids)).toBe("what ? ! no . . .");
  });

  it("a letter with an accent is a letter (6 pieces)", async () => {
    const tokenizer = await load({
      ...wordLevel("[UNK]", "naïve", "café"),
      pre_tokenizer: { type: "Whitespace" },
    });
    expect(await tokenizer.encode("naïve café")).toEqual([1, 2]);
  });

  it("a character beyond the BMP is one (two UTF-16 units)", async () => {
    const tokenizer = await load({
      ...wordLevel("[UNK]", "𠀀𠀁", "a"),
      pre_tokenizer: { type: "FixedLength", length: 2 },
    });
    expect(await tokenizer.encode("𠀀𠀁a")).toEqual([1, 2]);
  });

  it("a capital sigma at the end of a word is an inner one (a final one)", async () => {
    const tokenizer = await load({
      model: {
        ...{ type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##" },
        max_input_chars_per_word: 100,
        vocab: vocab("[UNK]", "οδ", "##ος", "##ο", "##σ"),
      },
      normalizer: bert,
      pre_tokenizer: { type: "BertPreTokenizer" },
    });
    expect(await tokenizer.encode("ΟΔΟΣ")).toEqual([1, 3, 4]);
  });
});

it("refuses a text that is too long, at which the library may end the process", async () => {
  const tokenizer = await load(fileOf({ pre_tokenizer: { type: "Whitespace" } }));
  const longest = " ".repeat(2 ** 23);
  expect(await tokenizer.encode(longest)).toEqual([]);
  await expect(tokenizer.encode(`${longest} `)).rejects.toMatchObject({
    code: "option_invalid",
    message: "text must be at most 8388608 characters long; got 8388609",
  });
});

describe("a text of 143,000 characters without a break", () => {
  it("is tokenized by Unigram as in Python (a RangeError)", async () => {
    const model = {
      ...{ type: "Unigram", unk_id: 0, byte_fallback: false },
      vocab: [
        ["<unk>", 0],
        ["a", -1],
        ["b", -2],
        ["ab", -2.5],
        ["aba", -3],
      ] as const,
    };
    const file = JSON.stringify({ version: "1.0", model });
    const text = "abaabb".repeat(23_834);
    const ids = await (await load(file)).encode(text);
    expect(ids.length).toBeGreaterThan(60_000);
    const [answer] = await askPython([file], [text]);
    expect(ids).toEqual(answer.ids[0]);
  });
});
