import { describe, expect, it } from "@jest/globals";
import { readReferences } from "../../../src/evaluation/texts/referencesFile.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

const codes = (text: string): number[] => Array.from(text, (_, i) => text.charCodeAt(i));
/** A token is a character. */
const characters: Tokenizer = {
  name: "characters",
  vocabSize: 2 ** 16,
  encode: (text) => Promise.resolve(codes(text)),
  decode: (ids) => String.fromCharCode(...Array.from(ids)),
};

describe("windows of a text", () => {
  const window = { unit: "window", tokenizer: characters, length: 4 } as const;

  it("are as long as the samples, spread from its beginning to its end, without overlap", async () => {
    const path = file("a.txt", "abcd-efgh-ijkl");
    const three = await readReferences(path, { ...window, count: 3 });
    expect(three.texts).toEqual(["abcd", "efgh", "ijkl"]);
    expect(three.tokens?.map((ids) => characters.decode(ids))).toEqual(three.texts);
    expect(three.source).toBe("abcd-efgh-ijkl");
    expect((await readReferences(path, { ...window, count: 2 })).texts).toEqual(["abcd", "ijkl"]);
    expect((await readReferences(path, { ...window, count: 1 })).texts).toEqual(["abcd"]);
  });

  it("are as many as there are, where more are asked for", async () => {
    const { texts } = await readReferences(file("a.txt", "abcdefghij"), { ...window, count: 9 });
    expect(texts).toEqual(["abcd", "ghij"]);
  });

  it("cover a long text with and without line breaks", async () => {
    for (const text of ["0123456789".repeat(40_000), "012345678\n".repeat(40_000)]) {
      const told: string[] = [];
      const options = { ...window, length: 1000, count: 400 };
      const { texts } = await readReferences(file("long.txt", text), {
        ...options,
        onProgress: (done, total) => told.push(`${done}/${total}`),
      });
      expect(texts.join("")).toBe(text);
      expect(told.at(-1)).toBe("400000/400000");
    }
  });

  it("need a text of one window at least, and a tokenizer", async () => {
    const path = file("a.txt", "abc");
    await expect(readReferences(path, { ...window, count: 2 })).rejects.toMatchObject({
      code: "input_invalid",
      message: expect.stringMatching(/a\.txt has 3 tokens, fewer than one sample \(4\)/),
    });
    await expect(readReferences(path, { count: 2, length: 2 })).rejects.toMatchObject({
      code: "input_invalid",
      remedy: expect.stringMatching(/`tokenizer`.*`unit: "paragraph"`/),
    });
  });

  it("stop when they are aborted", async () => {
    const controller = new AbortController();
    const reading = readReferences(file("a.txt", "abcd\n".repeat(100_000)), {
      ...window,
      count: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("paragraphs of a text", () => {
  const paragraph = { unit: "paragraph", length: 4 } as const;

  it("are what blank lines divide", async () => {
    const path = file("a.txt", "\n\nA:\nwords\n\n\nB:\r\nmore\r\n \t\r\nC\n");
    const { texts } = await readReferences(path, { ...paragraph, count: 9 });
    expect(texts).toEqual(["A:\nwords", "B:\r\nmore", "C"]);
    expect((await readReferences(path, { ...paragraph, count: 1 })).texts).toEqual(["A:\nwords"]);
  });

  it("are there in a text that is not empty", async () => {
    const reading = readReferences(file("a.txt", " \n\n"), { ...paragraph, count: 9 });
    await expect(reading).rejects.toMatchObject({
      message: expect.stringMatching(/holds no text/),
    });
  });
});

describe("texts of a .jsonl file", () => {
  /** A token is a character, and a bar ends a text. */
  const ended: Tokenizer = { ...characters, eosId: "|".charCodeAt(0) };
  const lines = (...texts: readonly unknown[]): string =>
    file("refs.jsonl", texts.map((text) => JSON.stringify(text)).join("\n"));
  const read = (path: string, options: Partial<Parameters<typeof readReferences>[1]> = {}) =>
    readReferences(path, { count: 9, length: 4, tokenizer: ended, ...options });

  it("are joined by the end-of-text token and cut as long as the samples, with it at both ends", async () => {
    const { texts, tokens, source } = await read(lines("abc", "defghi", "j"));
    expect(texts).toEqual(["|ab|", "|c||", "|de|", "|fg|", "|hi|", "|j||"]); // of abc|defghi|j|
    expect(tokens?.map((ids) => ended.decode(ids))).toEqual(texts);
    expect(source).toBeUndefined();
    expect((await read(lines("abc", "defghi", "j"), { count: 2 })).texts).toEqual(["|ab|", "|j||"]);
  });

  it("have no such ends where they are not wanted, or there is no room or no such token", async () => {
    const path = lines("abc", "defg");
    expect((await read(path, { ends: false })).texts).toEqual(["abc|", "efg|"]); // of abc|defg|
    expect((await read(path, { length: 2 })).texts).toEqual(["ab", "c|", "de", "g|"]);
    expect((await read(path, { tokenizer: characters, length: 3 })).texts).toEqual(["abc", "efg"]);
  });

  it("are as those of a plain text that is to have such ends", async () => {
    const path = file("a.txt", "abcdef");
    expect((await read(path, { ends: true })).texts).toEqual(["|ab|", "|cd|", "|ef|"]);
    expect((await read(path)).texts).toEqual(["abcd"]);
  });

  it("are as they are, or divided at blank lines, where that is asked for", async () => {
    const path = lines("ab\n\ncd", "efghij");
    expect(await read(path, { unit: "text" })).toEqual({ texts: ["ab\n\ncd", "efghij"] });
    expect((await read(path, { unit: "paragraph" })).texts).toEqual(["ab", "cd", "efghij"]);
    const whole = { texts: ["a\n\nb"], source: "a\n\nb" };
    expect(await read(file("a.txt", "a\n\nb"), { unit: "text" })).toEqual(whole);
  });

  it("need a tokenizer to be cut", async () => {
    const reading = readReferences(lines("abc"), { count: 1, length: 2 });
    await expect(reading).rejects.toMatchObject({
      code: "input_invalid",
      message: expect.stringMatching(/refs\.jsonl holds texts of any length/),
      remedy: expect.stringMatching(/`tokenizer`.*`unit: "text"`/),
    });
  });

  it("are one window at least", async () => {
    await expect(read(lines("a"), { length: 5 })).rejects.toMatchObject({
      message: expect.stringMatching(/refs\.jsonl has 2 tokens, fewer than one sample \(5\)/),
    });
  });

  it("stop when they are aborted", async () => {
    const controller = new AbortController();
    const reading = read(lines("abc", "def"), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("references in a file of samples", () => {
  const samples = (...texts: readonly string[]): string => {
    const records = texts.map((text) => ({ text, tokens: codes(text) }));
    return file("refs.jsonl", records.map((record) => JSON.stringify(record)).join("\n"));
  };
  const options = { count: 2, length: 3, tokenizer: characters };

  it("are taken as they are, evenly", async () => {
    expect(await readReferences(samples("abc", "def", "ghi", "jkl"), options)).toEqual({
      texts: ["abc", "ghi"],
      tokens: ["abc", "ghi"].map((text) => Int32Array.from(codes(text))),
    });
  });

  it("are cut where they are not as long as the samples", async () => {
    const { texts, tokens } = await readReferences(samples("abc", "defg"), options);
    expect(texts).toEqual(["abc", "efg"]);
    expect(tokens).toHaveLength(2);
    const whole = await readReferences(samples("abc", "defg"), { ...options, unit: "text" });
    expect(whole.tokens?.map(({ length }) => length)).toEqual([3, 4]);
  });

  it("are tokenized again where their tokens are of another vocabulary", async () => {
    const records = ["abc", "def"].map((text) => JSON.stringify({ text, tokens: [1, 2, 3] }));
    const path = file("refs.jsonl", records.join("\n"));
    const { texts, tokens } = await readReferences(path, options);
    expect(texts).toEqual(["abc", "def"]);
    expect(tokens).toEqual(texts.map(codes));
    expect(await readReferences(path, { ...options, unit: "text" })).toEqual({ texts });
  });

  it("have no tokens where no tokenizer says of which vocabulary they are", async () => {
    const path = samples("abc", "def");
    expect(await readReferences(path, { count: 2, length: 3 })).toEqual({ texts: ["abc", "def"] });
  });

  it("are named when they are bad", async () => {
    const reading = readReferences(file("refs.jsonl", "7"), { count: 2, length: 1 });
    await expect(reading).rejects.toMatchObject({ code: "input_invalid", line: 1 });
  });
});
