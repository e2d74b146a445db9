/** Python's json module writes NaN, Infinity and -Infinity (3.14 still does): they are read, and all else is strict. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { readReferences, readSamples } from "../../src/index.ts";
import { parseJson } from "../../src/foundation/json.ts";
import { readSpecialTokens } from "../../src/tokenizer/specialTokens.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-json-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

describe("JSON with Python's numbers", () => {
  it.each<[string, unknown]>([
    ["NaN", NaN],
    ["[NaN,Infinity,-Infinity]", [NaN, Infinity, -Infinity]],
    ['{"a":{"b":[NaN]},"c":-Infinity}', { a: { b: [NaN] }, c: -Infinity }],
    ['{"a": NaN, "text": "NaN, \\"Infinity\\" \\\\"}', { a: NaN, text: 'NaN, "Infinity" \\' }],
    ['{"NaN": NaN, "number:NaN": "number:NaN"}', { NaN: NaN, "number:NaN": "number:NaN" }],
    ['["NaN is a word"]', ["NaN is a word"]],
  ])("%s", (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it.each([
    "{a: NaN}",
    "['NaN', NaN]",
    "[NaN,]",
    "[NaN] // why",
    "[-NaN]",
    "[+Infinity]",
    "[1Infinity]",
    "[NaN1]",
    "[nan]",
    "[NaN",
    '["NaN',
    "[0x1, NaN]",
    "[01, NaN]",
    "NaN NaN",
    "",
  ])("%j is as wrong as it ever was", (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it("reads any value that JSON can hold as JSON.parse does, whatever words stand in its texts", () => {
    const texts = fc.string({
      unit: fc.constantFrom("NaN", "Infinity", "-", '"', "\\", "number:", "é"),
    });
    const leaves = fc.oneof(texts, fc.double(), fc.boolean(), fc.constant(null));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaves,
        fc.array(tie("value")),
        fc.dictionary(texts, tie("value")),
      ),
    }));
    fc.assert(
      fc.property(value, (any) => {
        const text = JSON.stringify(any);
        const expected: unknown = JSON.parse(text);
        expect(parseJson(text)).toEqual(expected);
        expect(parseJson(`[NaN,${text}]`)).toEqual([NaN, expected]);
      }),
      { seed: 13, numRuns: 300 },
    );
  });
});

describe("samples and references that Python wrote", () => {
  it("may have NaN where the value does not matter", async () => {
    const original =
      '{"gen_ppl": NaN, "MAUVE": Infinity, "entropies": [], "text_samples": ["a", "b"]}';
    expect(await readSamples(file("generated_seqs.json", original))).toEqual({
      format: "original",
      texts: ["a", "b"],
    });
    const lines = '{"text": "a", "ppl": NaN}\n{"text": "NaN", "loss": -Infinity}\n';
    expect((await readSamples(file("lines.jsonl", lines))).texts).toEqual(["a", "NaN"]);
    const references = file("references.jsonl", lines);
    const options = { count: 9, length: 1, unit: "text" } as const;
    expect((await readReferences(references, options)).texts).toEqual(["a", "NaN"]);
  });

  it.each([
    [
      '{"text": "a", "entropy": NaN}',
      "line 1, must have a number from 0 on as `entropy`, and has NaN",
    ],
    ['{"text": "a", "entropy": Infinity}', "line 1, must have .* `entropy`, and has Infinity"],
    ['{"text": "a", "tokens": [1, NaN]}', "line 1, must have .* `tokens`, and has NaN"],
    ['{"text": NaN}', "line 1, must have `text`, a string"],
  ])("and are named where it does: %s", async (line, message) => {
    await expect(readSamples(file("bad.jsonl", `${line}\n`))).rejects.toMatchObject({
      code: "input_invalid",
      message: expect.stringMatching(message),
    });
  });

  it("names an entropy of the original's file too", async () => {
    const text = '{"entropies": [4.5, NaN], "text_samples": ["a", "b"]}';
    await expect(readSamples(file("original.json", text))).rejects.toThrow(
      /`entropy`, and has NaN/,
    );
  });
});

describe("a plain JSON array of texts", () => {
  it.each([
    ["on one line", "a.json", '["one", "two"]'],
    ["indented", "b.json", '[\n  "one",\n  "two"\n]\n'],
    ["of records", "c.json", '[{"text": "one", "score": NaN}, {"text": "two"}]'],
    ["with a name that ends otherwise", "d.jsonl", '["one", "two"]\n'],
    ["indented, with such a name", "e.jsonl", '[\n "one",\n "two"\n]\n'],
  ])("is read: %s", async (_, name, text) => {
    const path = file(name, text);
    expect((await readSamples(path)).texts).toEqual(["one", "two"]);
    const options = { count: 9, length: 1, unit: "text" } as const;
    expect((await readReferences(path, options)).texts).toEqual(["one", "two"]);
  });

  it("has the sample at fault named", async () => {
    await expect(readSamples(file("f.json", '["one", 2]'))).rejects.toThrow(
      /f\.json \(sample 2\) must be a JSON object with `text`, or a JSON string/,
    );
    await expect(readSamples(file("g.json", "[]"))).rejects.toThrow("holds no samples");
  });
});

it("the files beside a tokenizer may have NaN where nobody looks", async () => {
  const directory = mkdtempSync(join(scratch, "tokenizer-"));
  writeFileSync(join(directory, "config.json"), '{"mask_token_id": 3, "router_loss": NaN}');
  writeFileSync(join(directory, "tokenizer_config.json"), '{"model_max_length": Infinity}');
  expect(await readSpecialTokens(directory, () => undefined)).toEqual({ maskId: 3 });
});
