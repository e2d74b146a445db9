import { describe, expect, it } from "@jest/globals";
import { readReferences } from "../../src/evaluation/referencesFile.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { scratchFiles } from "./support/scratch.ts";

const file = scratchFiles();

/** A token is a character. */
const characters: Tokenizer = {
  name: "characters",
  vocabSize: 2 ** 16,
  encode: (text) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)),
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
      remedy: expect.stringMatching(/--tokenizer.*--reference-unit paragraph/),
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

describe("references in a file of samples", () => {
  it("are taken as they are, evenly", async () => {
    const lines = ["a", "b", "c", "d"].map((text, i) => JSON.stringify({ text, tokens: [i] }));
    const path = file("refs.jsonl", lines.join("\n"));
    expect(await readReferences(path, { count: 2, length: 1 })).toEqual({
      texts: ["a", "c"],
      tokens: [Int32Array.of(0), Int32Array.of(2)],
    });
  });

  it("are named when they are bad", async () => {
    const reading = readReferences(file("refs.jsonl", "7"), { count: 2, length: 1 });
    await expect(reading).rejects.toMatchObject({ code: "input_invalid", line: 1 });
  });
});
