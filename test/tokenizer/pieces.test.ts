/** A text in pieces: joined they are the text, whichever tokenizer, and whatever the tokens are. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import { TextPieces } from "../../src/tokenizer/pieces.ts";
import { hiddenTokens } from "../../src/tokenizer/specialTokens.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-pieces-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const special = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const bare = { version: "1.0", truncation: null, padding: null, normalizer: null };

/** As BERT's: a word's first piece brings its blank along, unless it begins the text. */
const WORD_PIECE = {
  ...bare,
  added_tokens: [special(0, "[CLS]"), special(1, "[SEP]")],
  pre_tokenizer: { type: "Whitespace" },
  post_processor: null,
  decoder: { type: "WordPiece", prefix: "##", cleanup: false },
  model: {
    type: "WordPiece",
    unk_token: "[SEP]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[CLS]": 0, "[SEP]": 1, the: 2, sat: 3, "##ting": 4, 日: 5, "##本": 6, ".": 7 },
  },
};

/** As Llama 2's: a blank is a letter of its own, the first one goes, and characters may come in bytes. */
const BYTES = Array.from(
  { length: 256 },
  (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const BYTE_FALLBACK = {
  ...bare,
  added_tokens: [special(0, "<s>"), special(1, "</s>")],
  pre_tokenizer: null,
  post_processor: null,
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "ByteFallback" },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: true,
    byte_fallback: true,
    merges: [],
    vocab: Object.fromEntries(
      ["<s>", "</s>", ...BYTES, "▁the", "▁sat", "ting", "▁", "日"].map((token, id) => [token, id]),
    ),
  },
};

function saved(name: string, file: object): Promise<Tokenizer> {
  const path = join(scratch, `${name}.json`);
  writeFileSync(path, JSON.stringify(file));
  return loadTokenizer(path);
}

const TOKENIZERS: [string, () => Promise<Tokenizer>][] = [
  ["gpt2", () => loadTokenizer("gpt2")],
  ["the bundled model's", () => loadTokenizer("demo")],
  ["WordPiece", () => saved("word-piece", WORD_PIECE)],
  ["BPE with bytes", () => saved("byte-fallback", BYTE_FALLBACK)],
];

const TEXTS = [
  "",
  "the sat ting",
  "  two  spaces,\ttabs\nand lines\n\n",
  "naïve café — “quotes” … €42,50",
  "漢字かな交じり 한국어 العربية हिन्दी",
  "🙂👩‍👩‍👧‍👦🇩🇪 e\u0301",
  "\ufffd itself\ufffd",
];

describe.each(TOKENIZERS)("%s", (name, load) => {
  let tokenizer: Tokenizer;
  let maskId = 0;
  beforeAll(async () => {
    tokenizer = await load();
    maskId = tokenizer.vocabSize;
  });
  const piecesOf = (ids: readonly number[]) => new TextPieces(tokenizer, { maskId }).of(ids);

  it("joined, the pieces of a text are the text", async () => {
    for (const text of TEXTS) {
      const ids = await tokenizer.encode(text);
      const pieces = piecesOf(ids);
      expect(pieces).toHaveLength(ids.length);
      expect(pieces.join("")).toBe(tokenizer.decode(ids));
    }
  });

  it("joined, the pieces of any tokens are their text, with bytes that are no characters too", () => {
    if (name === "BPE with bytes") {
      // Llama 2's decoder: of bytes in a row that are not all characters, each is U+FFFD, "A" and a blank too.
      expect(tokenizer.decode([2 + 0x41, 2 + 0x80])).toBe("\ufffd\ufffd");
      return;
    }
    const ids = fc.array(fc.nat({ max: tokenizer.vocabSize - 1 }), { maxLength: 24 });
    fc.assert(
      fc.property(ids, (some) => {
        expect(piecesOf(some).join("")).toBe(tokenizer.decode(some));
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it("joined, the pieces of words and masks are what the decoder writes", async () => {
    const ids = await tokenizer.encode("the sat ting");
    const masked = [maskId, ...ids.flatMap((id) => [id, maskId]), maskId];
    expect(piecesOf(masked).join("")).toBe(tokenizer.decode(masked));
  });

  it("left to right, what is told is the text, and is never taken back", async () => {
    for (const text of TEXTS) {
      const ids = await tokenizer.encode(text);
      let before = piecesOf(ids.map(() => maskId));
      let told = "";
      for (let n = 1; n <= ids.length; n++) {
        const rest = new Array<number>(ids.length - n).fill(maskId);
        const pieces = piecesOf([...ids.slice(0, n), ...rest]);
        pieces.forEach((piece, i) => {
          if (piece === before[i]) return;
          expect(["▒", " ▒", ""]).toContain(before[i]);
          told += piece;
        });
        before = pieces;
      }
      expect(told).toBe(tokenizer.decode(ids));
    }
  });
});

describe("a character whose bytes lie in several tokens", () => {
  let gpt2: Tokenizer;
  let ids: number[];
  const mask = 50_257;
  const piecesOf = (some: readonly number[]) => new TextPieces(gpt2, { maskId: mask }).of(some);
  beforeAll(async () => {
    gpt2 = await loadTokenizer("gpt2");
    ids = await gpt2.encode("a🪐b");
    expect(ids).toHaveLength(5); // the planet is three tokens
  });

  it("is the piece of the last of them", () => {
    expect(piecesOf(ids)).toEqual(["a", "", "", "🪐", "b"]);
  });

  it("has no piece while one of them is a mask, on either side", () => {
    const [a, first, second, third, b] = ids;
    expect(piecesOf([a, first, mask, third, b])).toEqual(["a", "", "▒", "", "b"]);
    expect(piecesOf([a, mask, second, third, b])).toEqual(["a", "▒", "", "", "b"]);
    expect(piecesOf([a, first, second, mask, b])).toEqual(["a", "", "", "▒", "b"]);
  });

  it("is U+FFFD where it can no longer be completed", () => {
    const [a, first, second, , b] = ids;
    expect(piecesOf([a, first, second, b])).toEqual(["a", "", "\ufffd", "b"]);
    expect(piecesOf([a, first, second])).toEqual(["a", "", "\ufffd"]);
  });

  it("in a long text of such ones takes time in proportion to it", async () => {
    const long = await gpt2.encode("漢字🙂".repeat(40));
    let decoded = 0;
    const counting: Tokenizer = {
      ...gpt2,
      decode: (some) => {
        decoded += some.length;
        return gpt2.decode(some);
      },
    };
    const pieces = new TextPieces(counting, { maskId: mask });
    expect(pieces.of(long).join("")).toBe("漢字🙂".repeat(40));
    expect(decoded).toBeLessThan(6 * long.length);
  });
});

describe("special tokens that are hidden", () => {
  it("leave no trace: what follows begins the text", async () => {
    const tokenizer = await saved("hidden", WORD_PIECE);
    expect([...hiddenTokens(tokenizer)].sort()).toEqual([0, 1]);
    const hidden = hiddenTokens(tokenizer);
    const pieces = (shown: boolean) =>
      new TextPieces(tokenizer, { maskId: 8, ...(!shown && { hidden }) }).of([0, 2, 3, 4, 1]);
    expect(pieces(true)).toEqual(["[CLS]", " the", " sat", "ting", " [SEP]"]);
    expect(pieces(false)).toEqual(["", "the", " sat", "ting", ""]);
  });

  it("are those that the tokenizer names, or else what begins and ends a text", async () => {
    expect([...hiddenTokens(await loadTokenizer("gpt2"))]).toEqual([50_256]);
    expect([...hiddenTokens(await loadTokenizer("demo"))]).toEqual([0]);
    const own = { name: "own", vocabSize: 9, encode: async () => [], decode: () => "" };
    expect([...hiddenTokens({ ...own, bosId: 3, eosId: 4 })]).toEqual([3, 4]);
    expect([...hiddenTokens(own)]).toEqual([]);
  });
});
