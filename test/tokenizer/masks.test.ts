// @part backend
/** Text around masks: what the family's decoder writes where the mask is a token between others, as Python's would. */
import { describe, expect, it } from "@jest/globals";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { FAMILIES, familyFile, scratchTokenizers } from "./support/families.ts";
import { askPython } from "./support/python.ts";
import { generatedIds } from "./support/texts.ts";

const load = scratchTokenizers();

/** The file with one token more. */
function withMask(file: string): string {
  const json = JSON.parse(file) as { added_tokens: { id: number }[] };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const mask = { id: 5000, content: "▒", special: true, ...flags };
  return JSON.stringify({ ...json, added_tokens: [...json.added_tokens, mask] });
}

describe("beside a mask token in Python", () => {
  it("every family writes the same around it", async () => {
    const kinds = generatedIds(500, 12, 5, 3); // a third of them masks
    const ids = generatedIds(500, 12, 9, 800).map((row, r) =>
      row.map((id, i) => (kinds[r][i] === 0 ? -1 : id)),
    );
    const files = FAMILIES.map(familyFile);
    const answers = await askPython(files.map(withMask), [], ids);
    for (const [i, file] of files.entries()) {
      const tokenizer = await load(file);
      const ours = ids.map((row) => tokenizer.decode(row));
      expect({ [FAMILIES[i]]: ours }).toEqual({ [FAMILIES[i]]: answers[i].decoded });
    }
  }, 300_000);
});

describe("masks beside words", () => {
  const MASK = -1;
  const words = async (tokenizer: Tokenizer): Promise<number[]> => {
    const ids = await tokenizer.encode("the king is my");
    expect(ids).toHaveLength(4);
    return ids;
  };

  it.each([
    ...["gpt2", "roberta", "llama3", "llada", "qwen2", "modernbert"].map((name) => ({
      name,
      shown: ["the▒ is▒", "▒ king▒ my", "▒▒ is my"],
    })),
    ...["bert-cased", "bert-uncased"].map((name) => ({
      name,
      shown: ["the ▒ is ▒", "▒ king ▒ my", "▒ ▒ is my"],
    })),
    ...["t5", "xlm-roberta", "albert", "llama2"].map((name) => ({
      name,
      shown: ["the▒ is▒", "▒ king▒ my", "▒▒ is my"],
    })),
    { name: "clip", shown: ["the ▒is ▒", "▒king ▒my", "▒▒is my"] },
  ])("$name keeps the blanks of what follows: $shown", async ({ name, shown }) => {
    const tokenizer = await load(familyFile(name));
    const [a, b, c, d] = await words(tokenizer);
    const masked = [
      [a, MASK, c, MASK],
      [MASK, b, MASK, d],
      [MASK, MASK, c, d],
    ];
    expect(masked.map((ids) => tokenizer.decode(ids))).toEqual(shown);
  });

  it("may be shown as any text, also as one that the decoder changes", async () => {
    const tokenizer = await load(familyFile("bert-uncased"));
    const [a, , c] = await words(tokenizer);
    for (const mask of ["[MASK]", ".", "", " ", "▁", "$&", "the"]) {
      expect(tokenizer.decode([a, MASK, c, MASK], { mask })).toBe(`the ${mask} is ${mask}`);
    }
  });

  it("are told from the same characters in the text", async () => {
    const tokenizer = await load(familyFile("gpt2"));
    const text = "\u{f0000}▒\u{f0001}\u{f0002} \u{f0003}";
    const ids = await tokenizer.encode(text);
    expect(tokenizer.decode([MASK, ...ids, MASK], { mask: "_" })).toBe(`_${text}_`);
  });

  it("stand between runs where a decoder leaves no character as it is", async () => {
    const tokenizer = await load({
      version: "1.0",
      model: { type: "WordLevel", unk_token: "a", vocab: { a: 0, b: 1 } },
      decoder: { type: "Replace", pattern: { Regex: "." }, content: "x" },
    });
    expect(tokenizer.decode([0, 1, MASK, 1, MASK])).toBe("xx▒x▒");
  });
});
