import { beforeAll, describe, expect, it } from "@jest/globals";
import { encode as encodeByRanks } from "gpt-tokenizer/encoding/r50k_base";
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
import { loadGpt2 } from "../../src/tokenizer/gpt2.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

let gpt2: Tokenizer;
beforeAll(async () => {
  gpt2 = await loadGpt2();
});

describe("the GPT-2 tokenizer", () => {
  it("has the published size, and one token for both ends", () => {
    expect(gpt2).toMatchObject({ name: "gpt2", vocabSize: 50257, bosId: 50256, eosId: 50256 });
    expect(gpt2.maskId).toBeUndefined();
  });

  it("has the tokens of gpt-tokenizer, id by id", () => {
    const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
    const texts = ranks.map((token) =>
      typeof token === "string" ? token : lossy.decode(Uint8Array.from(token)),
    );
    expect(texts).toHaveLength(50256);
    expect(texts.map((_, id) => gpt2.decode([id]))).toEqual(texts);
  });

  it("merges as gpt-tokenizer does, whose merges follow from ranks", async () => {
    const words = ranks.map(String).filter((token) => /^ ?[a-z]+$/.test(token));
    const texts = words
      .slice(0, 4000)
      .map((word, i) => `${words[(i * 7919) % words.length]}${word}`);
    const encoded = await Promise.all(texts.map((text) => gpt2.encode(text)));
    expect(encoded).toEqual(texts.map((text) => encodeByRanks(text)));
    expect(encoded.some((ids) => ids.length > 2)).toBe(true);
  });

  // Published ids of GPT-2's encoder.
  it.each([
    ["Hello world", [15496, 995]],
    ["Hello, my dog is cute", [15496, 11, 616, 3290, 318, 13779]],
    ["<|endoftext|>", [50256]],
    ["a<|endoftext|>\n<|endoftext|>", [64, 50256, 198, 50256]],
    ["", []],
  ])("encodes %j", async (text, ids) => {
    expect(await gpt2.encode(text)).toEqual(ids);
    expect(gpt2.decode(ids)).toBe(text);
  });

  // gpt-tokenizer 4.0.0 has a pattern in JavaScript's regular expressions, whose blanks are others.
  it.each([
    ["U+FEFF is no blank", "Hello \ufeffworld", [15496, 27332, 119, 123, 6894]],
    ["U+0085 is a blank", "x\x85's", [87, 126, 227, 338]],
    ["U+FEFF is a mark", "it\ufeff's", [270, 171, 119, 123, 6, 82]],
  ])("splits as Python does where JavaScript would not: %s", async (_, text, ids) => {
    expect(await gpt2.encode(text)).toEqual(ids);
  });

  it.each([
    "naïve café — “quotes” … €42,50",
    "漢字かな交じり 한국어 🙂👩‍👩‍👧‍👦 e\u0301",
    "  two  spaces,\ttabs\r\nand\n\n\nlines ",
    "\ufeffbyte order mark\u0000\u0001",
  ])("decodes what it encodes: %j", async (text) => {
    expect(gpt2.decode(Int32Array.from(await gpt2.encode(text)))).toBe(text);
  });

  it("joins the bytes of a character that several tokens hold", async () => {
    const ids = await gpt2.encode("龘");
    expect(ids.length).toBeGreaterThan(1);
    expect(gpt2.decode(ids)).toBe("龘");
  });

  it("shows half a character as U+FFFD, and carries nothing over into the next call", async () => {
    const ids = await gpt2.encode("龘");
    expect(gpt2.decode(ids.slice(0, -1))).toMatch(/^\ufffd+$/);
    expect(gpt2.decode(ids)).toBe("龘");
    const [a] = await gpt2.encode(" a");
    expect(gpt2.decode([...ids.slice(0, -1), a])).toMatch(/^\ufffd+ a$/);
  });

  it("shows masks, also in the middle of a character", async () => {
    const [first, ...rest] = await gpt2.encode("龘");
    expect(gpt2.decode([50257, first, 50257, ...rest])).toMatch(/^▒\ufffd+▒\ufffd+$/);
    expect(gpt2.decode([15496, 50257, 995], { mask: "[MASK]" })).toBe("Hello[MASK] world");
  });

  it("decodes every token, alone and with any neighbour, without throwing", () => {
    for (let id = 0; id <= 50257; id += 1) gpt2.decode([id, (id * 7919) % 50257]);
    expect(gpt2.decode([-1, 0.5, Number.NaN])).toBe("▒▒▒");
  });
});
