import { describe, expect, it } from "@jest/globals";
import { pinPrompt, preparePrompted } from "../../src/program/prompt.ts";
import type { SampleOptions } from "../../src/program/sampleOptions.ts";
import type { DenoiserModel, PreparedRun } from "../../src/sampler/index.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const MODEL = { vocabSize: 27, maskId: 26, length: 5, timeConditioning: false };
/** A letter, a token. */
const LETTERS: Tokenizer = {
  name: "letters",
  vocabSize: 26,
  encode: (text) => Promise.resolve(Array.from(text, (letter) => letter.charCodeAt(0) - 97)),
  decode: () => "",
};
const BASE = { strategy: { kind: "mdlm" }, steps: 4 } as const;

const pin = async (
  options: SampleOptions,
  tokenizer: Tokenizer,
  model: DenoiserModel,
): Promise<PreparedRun> => pinPrompt(preparePrompted(options, model), tokenizer, model);

async function pinned(options: Partial<SampleOptions>): Promise<[number, number][]> {
  return [...(await pin({ ...BASE, ...options }, LETTERS, MODEL)).pinned];
}

describe("a prompt", () => {
  it("pins its tokens at the beginning, beside what else is pinned", async () => {
    expect(await pinned({ prompt: "bc", pinned: new Map([[4, 7]]) })).toEqual([
      [0, 1],
      [1, 2],
      [4, 7],
    ]);
  });

  it("leaves free what it has a mask for, and pins the rest", async () => {
    const encode = async (text: string) => Array.from(text).map((c) => "abc?".indexOf(c));
    const tokenizer = { ...LETTERS, encode };
    const model = { ...MODEL, vocabSize: 4, maskId: 3 };
    const { pinned } = await pin({ ...BASE, prompt: "a?b" }, tokenizer, model);
    expect([...pinned]).toEqual([
      [0, 0],
      [2, 1],
    ]);
    const beside = { ...BASE, prompt: "a?b", pinned: new Map([[1, 2]]) };
    expect((await pin(beside, tokenizer, model)).pinned.get(1)).toBe(2);
    const long = pin({ ...BASE, prompt: "a????b" }, tokenizer, model);
    await expect(long).rejects.toThrow("at most 5 tokens (this one has 6)");
  });

  it("cannot have a gap for a model that goes from left to right", async () => {
    const tokenizer = { ...LETTERS, encode: async () => [0, 3, 1] };
    const model = { ...MODEL, vocabSize: 4, maskId: 3, kind: "ar", bosId: 2 } as const;
    await expect(pin({ prompt: "a [MASK] b" }, tokenizer, model)).rejects.toMatchObject({
      option: "prompt",
      message: expect.stringMatching(/^prompt must be a text without a mask: an ar model/),
    });
  });

  it("is not printed whole when it is too long", async () => {
    await expect(pin({ ...BASE, prompt: "a".repeat(9000) }, LETTERS, MODEL)).rejects.toMatchObject({
      message: `prompt must be a text of at most 5 tokens (this one has 9000); got "${"a".repeat(80)}..." (9000 characters)`,
    });
  });

  it("may be empty, absent, or the whole sequence", async () => {
    expect(await pinned({ prompt: "" })).toEqual([]);
    expect(await pinned({})).toEqual([]);
    expect(await pinned({ prompt: "abcde" })).toHaveLength(5);
  });

  it("leaves every other option as it is, and the caller's map too", async () => {
    const given = new Map([[4, 7]]);
    const { signal } = new AbortController();
    const options = { ...BASE, topP: 0.5, seed: 3n, pinned: given, signal };
    const pinned = new Map([...given, [0, 0]]);
    const prompted = await pin({ ...options, prompt: "a" }, LETTERS, MODEL);
    expect(prompted).toEqual({ ...preparePrompted(options, MODEL).run, pinned, given: 1 });
    expect(prompted).toMatchObject({ topP: 0.5, seed: 3n, steps: 4, signal });
    expect(given.size).toBe(1);
  });

  const withBase = (options: unknown) => ({ ...BASE, ...(options as Partial<SampleOptions>) });
  const invalid = expect.objectContaining({ code: "option_invalid" });

  it.each<[string, unknown, string]>([
    ["is no text", { prompt: 1 }, "prompt must be a text; got 1"],
    ["stands beside a bad option", { prompt: "a", topP: 2 }, "topP"],
  ])("is refused at once when it %s", (_, options, message) => {
    const check = () => preparePrompted(withBase(options), MODEL);
    expect(check).toThrow(message);
    expect(check).toThrow(invalid);
  });

  it.each<[string, unknown, string]>([
    ["is longer than the model takes", { prompt: "abcdef" }, "at most 5 tokens (this one has 6)"],
    ["is longer than asked for", { prompt: "abc", length: 2 }, "at most 2 tokens (this one has 3)"],
    ["meets a pinned position", { prompt: "ab", pinned: new Map([[1, 0]]) }, "pinned position"],
    ["has a token that the model lacks", { prompt: "a|" }, "pinned position 1 must be a token id"],
  ])("is refused when its tokens are known and it %s", async (_, options, message) => {
    const given = withBase(options);
    preparePrompted(given, MODEL);
    const resolve = () => pin(given, LETTERS, MODEL);
    await expect(resolve()).rejects.toThrow(message);
    await expect(resolve()).rejects.toEqual(invalid);
  });

  it("is refused when the tokenizer does not know a piece of it, which is named", async () => {
    const encode: Tokenizer["encode"] = async (text, options) => {
      options?.onUnknown?.({ text: "é", position: 3 });
      return LETTERS.encode(text);
    };
    await expect(
      pin({ ...BASE, prompt: "abc" }, { ...LETTERS, encode }, MODEL),
    ).rejects.toMatchObject({
      code: "tokenizer_unknown",
      message: 'The tokenizer letters has no token for "é", at character 4 of the text',
    });
  });
});
