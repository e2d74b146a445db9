import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { readSamples } from "../../../src/evaluation/texts/samplesFile.ts";
import { describeUnless } from "../../support/describeUnless.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

const LINES = `{"sample":1,"tokens":[3,4],"text":"b","entropy":0.69}
{"sample":0,"tokens":[5,5],"text":"a \\u2028 \\"q\\"","entropy":0}
`;

describe("a file of samples", () => {
  it("is what remdm sample --out writes", async () => {
    const set = await readSamples(file("samples.jsonl", LINES));
    expect(set).toEqual({
      format: "jsonl",
      texts: ["b", 'a \u2028 "q"'],
      tokens: [Int32Array.of(3, 4), Int32Array.of(5, 5)],
      entropies: [0.69, 0],
    });
  });

  it("or texts alone, as records or strings, with line ends of any kind, a mark at the front and none at the end", async () => {
    const path = file("texts.jsonl", '\ufeff{"text":"a","other":1}\r\n\r\n"b"\r\n   \n{"text":""}');
    expect(await readSamples(path)).toEqual({ format: "jsonl", texts: ["a", "b", ""] });
  });

  it("or what remdm sample --json prints", async () => {
    const samples = [{ tokens: [1], text: "a", entropy: 0 }];
    const path = file("out.json", `${JSON.stringify({ samples, stats: {}, options: {} })}\n`);
    expect(await readSamples(path)).toEqual({
      format: "json",
      texts: ["a"],
      tokens: [Int32Array.of(1)],
      entropies: [0],
    });
  });

  it.each([0, 4])("or the original's, indented by %d", async (indent) => {
    const document = {
      gen_ppl: 30,
      entropy: 1.5,
      MAUVE: null,
      entropies: [1, 2],
      text_samples: ["a", "b"],
    };
    const path = file("seqs", JSON.stringify(document, undefined, indent));
    expect(await readSamples(path)).toEqual({
      format: "original",
      texts: ["a", "b"],
      entropies: [1, 2],
    });
  });

  it("may be large: it is read as a stream", async () => {
    const line = `{"text":"${"é".repeat(70_000)}"}\n`; // characters and lines fall between pieces
    const { texts } = await readSamples(file("large.jsonl", line.repeat(40)), {
      maxLength: 71_000,
    });
    expect(texts).toHaveLength(40);
    expect(new Set(texts)).toEqual(new Set(["é".repeat(70_000)]));
  });
});

const noPipes = process.platform === "win32" ? "Windows has no such pipes" : undefined;
describeUnless(noPipes, "a file of samples that is a pipe", () => {
  const pipe = (): string => {
    const path = `${file("a", "")}.pipe`;
    execFileSync("mkfifo", [path]);
    return path;
  };

  it("waits for who writes, and for the rest", async () => {
    const path = pipe();
    const reading = readSamples(path);
    await pause(30);
    const writer = openSync(path, "w");
    await pause(30);
    const [begin, end] = [LINES.slice(0, 20), LINES.slice(20)];
    writeSync(writer, begin);
    await pause(30);
    writeSync(writer, end);
    closeSync(writer);
    expect((await reading).texts).toHaveLength(2);
  });

  it.each(["nobody writes", "the writer is silent"])("ends when aborted: %s", async (how) => {
    const path = pipe();
    const writer = how.startsWith("nobody") ? undefined : openSync(path, constants.O_RDWR);
    const controller = new AbortController();
    const reading = readSamples(path, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
    if (writer !== undefined) closeSync(writer);
  });
});

describe("a bad file is named, with the line and what to do", () => {
  it.each<[string, string, string | Uint8Array, RegExp]>([
    ["no JSON", "a.jsonl", '"a"\n{"text":\n', /a\.jsonl, line 2, is not JSON/],
    ["no JSON at once", "a.jsonl", "{nothing}\n", /a\.jsonl, line 1, is not JSON/],
    ["no JSON document", "a.json", '{\n "text_samples": [\n', /a\.json is not JSON/],
    ["plain text", "a.txt", "To be\n", /a\.txt, line 1, is not JSON/],
    ["a number", "a.jsonl", '\n\n"a"\n7\n', /line 4, must be a JSON object with `text`/],
    [
      "an array of what are no texts",
      "a.jsonl",
      "[1]\n",
      /\(sample 1\) must be a JSON object with `text`/,
    ],
    ["null", "a.jsonl", "null\n", /line 1, must be a JSON object with `text`/],
    ["no text", "a.jsonl", '{"tokens":[1]}\n', /line 1, must have `text`, a string/],
    ["tokens that are none", "a.jsonl", '{"text":"a","tokens":[1,-1]}\n', /line 1, .*`tokens`/],
    ["tokens as text", "a.jsonl", '{"text":"a","tokens":"1"}\n', /line 1, .*`tokens`/],
    ["entropy as text", "a.jsonl", '{"text":"a","entropy":"1"}\n', /line 1, .*`entropy`/],
    ["tokens here and there", "a.jsonl", '{"text":"a","tokens":[1]}\n"b"\n', /line 2, .*`tokens`/],
    ["an empty file", "a.jsonl", "", /holds no samples/],
    ["blank lines", "a.jsonl", "\n \n", /holds no samples/],
    ["no samples in it", "a.json", '{"text_samples":[]}', /holds no samples/],
    ["another document", "a.json", '{\n"gen_ppl": 1\n}', /must have `text_samples` or `samples`/],
    ["samples that are none", "a.json", '{"samples":5}', /must have `text_samples` or `samples`/],
    ["texts that are none", "a.json", '{"text_samples":[1]}', /array of strings as `text_samples`/],
    ["too few entropies", "a.json", '{"text_samples":["a"],"entropies":[1,2]}', /`entropies`/],
    ["not UTF-8", "a.jsonl", Buffer.from('"a"\n"\xe9"\n', "latin1"), /line 2, is not UTF-8/],
    ["half a character at the end", "a.jsonl", Buffer.from([0x22, 0xc3]), /line 1, is not UTF-8/],
    ["compressed", "a.jsonl", Buffer.from([0x1f, 0x8b, 8, 0, 0xff]), /is not UTF-8/],
  ])("%s", async (_, name, contents, message) => {
    const path = file(name, contents);
    await expect(readSamples(path)).rejects.toMatchObject({
      code: "input_invalid",
      path,
      message: expect.stringMatching(message),
      remedy: expect.stringMatching(/\S/),
    });
  });

  it("a line that is too long, or a document", async () => {
    const path = file("a.jsonl", `"a"\n"${"b".repeat(200_000)}"\n`);
    await expect(readSamples(path, { maxLength: 100_000 })).rejects.toMatchObject({
      message: expect.stringMatching(/line 2, is longer than 100000 characters/),
    });
    const document = file("a.json", `{\n"text_samples": [\n${'"b",\n'.repeat(1000)}"c"]}`);
    await expect(readSamples(document, { maxLength: 1000 })).rejects.toMatchObject({
      message: expect.stringMatching(/document of more than 1000 characters/),
    });
  });

  it("no file, a directory", async () => {
    const missing = readSamples(join(tmpdir(), "remdm-not-there.jsonl"));
    await expect(missing).rejects.toMatchObject({ message: expect.stringMatching(/ENOENT/) });
    await expect(readSamples(tmpdir())).rejects.toMatchObject({ code: "input_invalid" });
  });

  it("an abort is no fault of the file", async () => {
    const reading = readSamples(file("a.jsonl", LINES), { signal: AbortSignal.abort() });
    await expect(reading).rejects.toMatchObject({ code: "aborted" });
  });
});
