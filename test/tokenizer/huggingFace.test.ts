// @part backend
import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython } from "../../src/backend/process/python.ts";
import { loadHuggingFace } from "../../src/tokenizer/huggingFace.ts";
import { goldenTokenizer as GOLDEN, readGolden } from "../support/golden.ts";

const TEXTS = [
  "",
  " ",
  "ROMEO:\nBut soft, what light through yonder window breaks?",
  "  two  spaces,\ttabs\r\nand lines\n\n\n",
  "it's they'll we've I'm you'd I'LL",
  "naïve café — “quotes” … €42,50",
  "漢字かな交じり 한국어 العربية עברית हिन्दी",
  "🙂👩‍👩‍👧‍👦🇩🇪 e\u0301 \u200b\ufeff",
  "a<|endoftext|>b <|endoftext|>",
  "123456 3.14 x²+y³",
  "\u0000\u0001\u007f\u0080",
];

/** Runs in Python what `tokenizers`, the original, makes of texts and ids. */
const PYTHON = `
import json, sys
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
given = json.load(sys.stdin)
print(json.dumps({
    "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in given["texts"]],
    "texts": [tokenizer.decode(ids, skip_special_tokens=False) for ids in given["ids"]],
}))
`;

function randomIds(count: number, length: number): number[][] {
  let state = 1;
  const next = (): number => (state = (state * 48271) % 2147483647) % 512;
  return Array.from({ length: count }, () => Array.from({ length }, next));
}

describe("tokenizer.json of the golden data", () => {
  it("encodes and decodes as Python's tokenizers, half characters included", async () => {
    const tokenizer = await loadHuggingFace(GOLDEN);
    const ids = randomIds(300, 40);
    const { stdout } = await execa(findPython().path, ["-c", PYTHON, GOLDEN], {
      input: JSON.stringify({ texts: TEXTS, ids }),
      env: { PYTHONIOENCODING: "utf-8" },
    });
    const expected = JSON.parse(stdout) as { ids: number[][]; texts: string[] };
    const encoded = await Promise.all(TEXTS.map((text) => tokenizer.encode(text)));
    expect(encoded).toEqual(expected.ids);
    expect(ids.map((one) => tokenizer.decode(one))).toEqual(expected.texts);
  });

  it("gives every recorded run of the original the text that its batch_decode gave", async () => {
    const tokenizer = await loadHuggingFace(GOLDEN);
    const groups = readGolden("end2end") as {
      cases: { tokens: number[][]; text: string[] }[];
    }[];
    const cases = groups.flatMap((group) => group.cases);
    expect(cases.length).toBeGreaterThan(30);
    for (const { tokens, text } of cases) {
      expect(tokens.map((ids) => tokenizer.decode(ids))).toEqual(text);
    }
  });

  it("knows its size and the end of a text, and decodes what it encodes", async () => {
    const tokenizer = await loadHuggingFace(GOLDEN);
    expect(tokenizer).toMatchObject({ vocabSize: 512, eosId: 0, name: GOLDEN });
    for (const text of TEXTS) expect(tokenizer.decode(await tokenizer.encode(text))).toBe(text);
  });

  it("shows masks, also in the middle of a character", async () => {
    const tokenizer = await loadHuggingFace(GOLDEN);
    const [first, second] = await tokenizer.encode("é");
    const ids = Int32Array.of(...(await tokenizer.encode("ab")), 512, first, 512, second, 512, 512);
    expect(tokenizer.decode(ids)).toBe("ab▒\ufffd▒\ufffd▒▒");
    expect(tokenizer.decode(Int32Array.of(512, 512), { mask: "_" })).toBe("__");
    expect(tokenizer.decode([])).toBe("");
  });
});
