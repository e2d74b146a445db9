import { beforeAll, describe, expect, it } from "@jest/globals";
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

  // Published ids of GPT-2's encoder.
  it.each([
    ["Hello world", [15496, 995]],
    ["Hello, my dog is cute", [15496, 11, 616, 3290, 318, 13779]],
    ["<|endoftext|>", [50256]],
    ["a<|endoftext|>\n<|endoftext|>", [64, 50256, 198, 50256]],
    ["", []],
  ])("encodes %j", (text, ids) => {
    expect(gpt2.encode(text)).toEqual(ids);
    expect(gpt2.decode(ids)).toBe(text);
  });

  it.each([
    "naïve café — “quotes” … €42,50",
    "漢字かな交じり 한국어 🙂👩‍👩‍👧‍👦 e\u0301",
    "  two  spaces,\ttabs\r\nand\n\n\nlines ",
    "\ufeffbyte order mark\u0000\u0001",
  ])("decodes what it encodes: %j", (text) => {
    expect(gpt2.decode(Int32Array.from(gpt2.encode(text)))).toBe(text);
  });

  it("joins the bytes of a character that several tokens hold", () => {
    const ids = gpt2.encode("龘");
    expect(ids.length).toBeGreaterThan(1);
    expect(gpt2.decode(ids)).toBe("龘");
  });

  it("shows half a character as U+FFFD, and carries nothing over into the next call", () => {
    const ids = gpt2.encode("龘");
    expect(gpt2.decode(ids.slice(0, -1))).toMatch(/^\ufffd+$/);
    expect(gpt2.decode(ids)).toBe("龘");
    expect(gpt2.decode([...ids.slice(0, -1), ...gpt2.encode(" a")])).toMatch(/^\ufffd+ a$/);
  });

  it("shows masks, also in the middle of a character", () => {
    const [first, ...rest] = gpt2.encode("龘");
    expect(gpt2.decode([50257, first, 50257, ...rest])).toMatch(/^▒\ufffd+▒\ufffd+$/);
    expect(gpt2.decode([15496, 50257, 995], { mask: "[MASK]" })).toBe("Hello[MASK] world");
  });

  it("decodes every token, alone and with any neighbour, without throwing", () => {
    for (let id = 0; id <= 50257; id += 1) gpt2.decode([id, (id * 7919) % 50257]);
    expect(gpt2.decode([-1, 0.5, Number.NaN])).toBe("▒▒▒");
  });
});
