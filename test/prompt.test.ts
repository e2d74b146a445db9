import { describe, expect, it } from "@jest/globals";
import { pinPrompt } from "../src/prompt.ts";
import type { SampleOptions } from "../src/remdm.ts";
import { resolveOptions } from "../src/sampler/index.ts";
import type { Tokenizer } from "../src/tokenizer/tokenizer.ts";

const MODEL = { vocabSize: 27, maskId: 26, length: 5, timeConditioning: false };
/** A letter, a token. */
const LETTERS: Tokenizer = {
  name: "letters",
  vocabSize: 26,
  encode: (text) => Array.from(text).map((letter) => letter.charCodeAt(0) - 97),
  decode: () => "",
};
const BASE = { strategy: { kind: "mdlm" }, steps: 4 } as const;

function pinned(options: Partial<SampleOptions>): [number, number][] {
  return [...(pinPrompt({ ...BASE, ...options }, LETTERS, MODEL).pinned ?? [])];
}

function thrown(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

describe("a prompt", () => {
  it("pins its tokens at the beginning, beside what else is pinned", () => {
    expect(pinned({ prompt: "bc", pinned: new Map([[4, 7]]) })).toEqual([
      [0, 1],
      [1, 2],
      [4, 7],
    ]);
  });

  it("leaves free what it has a mask for, and pins the rest", () => {
    const tokenizer = {
      ...LETTERS,
      encode: (text: string) => Array.from(text).map((c) => "abc?".indexOf(c)),
    };
    const model = { ...MODEL, vocabSize: 4, maskId: 3 };
    const { pinned } = pinPrompt({ ...BASE, prompt: "a?b" }, tokenizer, model);
    expect([...(pinned ?? [])]).toEqual([
      [0, 0],
      [2, 1],
    ]);
    const beside = { ...BASE, prompt: "a?b", pinned: new Map([[1, 2]]) };
    expect(pinPrompt(beside, tokenizer, model).pinned?.get(1)).toBe(2);
    const long = () => pinPrompt({ ...BASE, prompt: "a????b" }, tokenizer, model);
    expect(long).toThrow("at most 5 tokens (this one has 6)");
  });

  it("cannot have a gap for a model that goes from left to right", () => {
    const tokenizer = { ...LETTERS, encode: () => [0, 3, 1] };
    const model = { ...MODEL, vocabSize: 4, maskId: 3, kind: "ar", bosId: 2 } as const;
    expect(() => pinPrompt({ prompt: "a [MASK] b" }, tokenizer, model)).toThrow(
      expect.objectContaining({
        option: "prompt",
        message: expect.stringMatching(/^prompt must be a text without a mask: an ar model/),
      }),
    );
  });

  it("is not printed whole when it is too long", () => {
    const { message } = thrown(() =>
      pinPrompt({ ...BASE, prompt: "a".repeat(9000) }, LETTERS, MODEL),
    );
    expect(message).toBe(
      `prompt must be a text of at most 5 tokens (this one has 9000); got "${"a".repeat(80)}..." (9000 characters)`,
    );
  });

  it("may be empty, absent, or the whole sequence", () => {
    expect(pinned({ prompt: "" })).toEqual([]);
    expect(pinned({})).toEqual([]);
    expect(pinned({ prompt: "abcde" })).toHaveLength(5);
  });

  it("leaves every other option as it is, and the caller's map too", () => {
    const given = new Map([[4, 7]]);
    const { signal } = new AbortController();
    const options = { ...BASE, topP: 0.5, seed: 3n, pinned: given, signal };
    const pinned = new Map([...given, [0, 0]]);
    const resolved = pinPrompt({ ...options, prompt: "a" }, LETTERS, MODEL);
    expect(resolved).toEqual({ ...BASE, topP: 0.5, seed: 3n, pinned, signal });
    expect(given.size).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ["is no text", { prompt: 1 }, "prompt must be a text; got 1"],
    ["is longer than the model takes", { prompt: "abcdef" }, "at most 5 tokens (this one has 6)"],
    ["is longer than asked for", { prompt: "abc", length: 2 }, "at most 2 tokens (this one has 3)"],
    ["meets a pinned position", { prompt: "ab", pinned: new Map([[1, 0]]) }, "pinned position"],
    ["has a token that the model lacks", { prompt: "a|" }, "pinned position 1 must be a token id"],
    ["stands beside a bad option", { prompt: "a", topP: 2 }, "topP"],
  ])("is refused when it %s", (_, options, message) => {
    const given = { ...BASE, ...(options as Partial<SampleOptions>) };
    const resolve = () => resolveOptions(pinPrompt(given, LETTERS, MODEL), MODEL);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(expect.objectContaining({ code: "option_invalid" }));
  });

  it.each([undefined, null, "mdlm", []])("refuses options that are no object: %j", (options) => {
    const given = options as unknown as SampleOptions;
    expect(() => pinPrompt(given, LETTERS, MODEL)).toThrow("options must be an object");
  });
});
