/** Where the gaps and the text around them lie, for tokenizers whose decoders look at neighbours. */
import { describe, expect, it } from "@jest/globals";
import { layOut, type FillLayout } from "../../src/program/fillLayout.ts";
import { readFillText, type FillText } from "../../src/program/fillText.ts";
import { gapTexts, wholeText } from "../../src/program/gapTexts.ts";
import { RemdmError, type DenoiserModel } from "../../src/sampler/index.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { familyFile, FAMILIES, scratchTokenizers } from "../tokenizer/support/families.ts";

const load = scratchTokenizers();
const MODEL: DenoiserModel = {
  ...{ vocabSize: 100_001, maskId: 100_000, length: 24, timeConditioning: false },
};

/** A letter, a token; `?` is the mask. */
const LETTERS: Tokenizer = {
  name: "letters",
  vocabSize: 27,
  encode: async (text) =>
    Array.from(text, (letter) => "abcdefghijklmnopqrstuvwxyz?".indexOf(letter)),
  decode: (ids) => Array.from(ids, (id) => "abcdefghijklmnopqrstuvwxyz?"[id]).join(""),
};
const LETTER_MODEL = { ...MODEL, vocabSize: 27, maskId: 26, length: 8 };

const layOutLetters = (text: FillText, model: DenoiserModel = LETTER_MODEL): Promise<FillLayout> =>
  layOut(readFillText(text), LETTERS, model);

describe("a layout", () => {
  it("pins the text and leaves the gaps", async () => {
    expect(await layOutLetters("[1]ab[2][1]c")).toEqual({
      length: 7,
      pinned: new Map([
        [1, 0],
        [2, 1],
        [6, 2],
      ]),
      before: "",
      gaps: [
        { begin: 0, end: 1, after: "ab" },
        { begin: 3, end: 5, after: "" },
        { begin: 5, end: 6, after: "c" },
      ],
    });
  });

  it("may fill the model", async () => {
    expect((await layOutLetters("abcd[4]")).length).toBe(8);
    await expect(layOutLetters("abcd[5]")).rejects.toMatchObject({
      code: "option_invalid",
      message: "The text has 4 tokens and 5 in gaps, 9 in all; the model takes at most 8",
    });
    await expect(layOutLetters("a[9007199254740991]")).rejects.toThrow("the model takes at most 8");
  });

  it.each<[string, FillText, Partial<DenoiserModel>, string]>([
    ["a mask in the text", "a?[1]", {}, 'The text writes the model\'s mask, in "a?"'],
    ["a model from left to right", "a[1]", { kind: "ar", bosId: 0 }, "An ar model fills no gaps"],
  ])("refuses %s", async (_, text, model, message) => {
    const laidOut = layOutLetters(text, { ...LETTER_MODEL, ...model });
    await expect(laidOut).rejects.toThrow(message);
    await expect(laidOut).rejects.toMatchObject({ code: "option_invalid" });
  });

  it("refuses what the tokenizer does not know", async () => {
    const encode: Tokenizer["encode"] = async (_, options) => {
      options?.onUnknown?.({ text: "é", position: 0 });
      return [0];
    };
    await expect(layOut(["é", 1], { ...LETTERS, encode }, MODEL)).rejects.toMatchObject({
      code: "tokenizer_unknown",
    });
  });
});

/** @returns a sample that has these tokens in its gaps: its text, its gaps, and what it decodes to. */
async function filled(tokenizer: Tokenizer, text: string, inGaps: readonly number[]) {
  const { length, pinned, ...gapped } = await layOut(readFillText(text), tokenizer, MODEL);
  const free = [...inGaps];
  const tokens = Array.from({ length }, (_, at) => pinned.get(at) ?? free.shift() ?? -1);
  const gaps = gapTexts(tokens, gapped, (ids) => tokenizer.decode(ids));
  return { text: wholeText(gapped, gaps), gaps, decoded: tokenizer.decode(tokens) };
}

const refusal = (error: unknown): RemdmError => {
  if (RemdmError.isInstance(error)) return error;
  throw error;
};

/** Their decoders write a token otherwise for what comes after it: bytes, the end of a word. */
const JOINS = new Set(["llama2", "clip"]);

describe.each(FAMILIES)("with the tokenizer of %s", (family) => {
  it("text outside gaps stays to the letter, or is refused", async () => {
    const tokenizer = await load(familyFile(family));
    const texts = [
      ...[
        "the[2] sat on the[1]",
        "The[2] sat on the[1].",
        "The [2] sat on the [1].",
        "pre[2]fix[1]",
        "[2][1] KING é 👑",
      ],
      ...["👑[2]👑[1]👑", "a\n\n[2]  b [1]\tc", "it '[2]s[1] do n't", "İ[2]ﬁ[1]"],
    ];
    let exact = 0;
    for (const text of texts) {
      for (const first of [5, 60, 200, 300]) {
        const made = await filled(tokenizer, text, [first, first + 7, first + 3]).catch(refusal);
        if ("code" in made) {
          expect(made.code).toMatch(/^(option_invalid|tokenizer_unknown)$/);
          continue;
        }
        let gap = 0;
        expect(made.text).toBe(text.replace(/\[\d\]/g, () => made.gaps[gap++]));
        if (!JOINS.has(family)) expect(made.text).toBe(made.decoded);
        exact++;
      }
    }
    expect(exact).toBeGreaterThan(0);
  });
});

it.each(["llama2", "t5", "gpt2", "qwen2"])("%s takes a stop after a gap", async (family) => {
  const tokenizer = await load(familyFile(family));
  const [word] = await tokenizer.encode("on");
  expect((await filled(tokenizer, "the[1].", [word])).text).toMatch(/^the ?on\.$/);
});

describe("a gap", () => {
  it("has the character whose bytes begin in the gap before it", async () => {
    const tokenizer = await load(familyFile("gpt2"));
    const crown = await tokenizer.encode("👑");
    expect(crown.length).toBeGreaterThan(1);
    const text = `a[1][${crown.length - 1}]b`;
    expect(await filled(tokenizer, text, crown)).toEqual({
      text: "a👑b",
      gaps: ["", "👑"],
      decoded: "a👑b",
    });
    const half = await filled(tokenizer, "a[1]👑", crown.slice(0, 1));
    expect(half).toEqual({ text: "a\ufffd👑", gaps: ["\ufffd"], decoded: "a\ufffd👑" });
  });

  it("begins with the blank that SentencePiece has in a word's token", async () => {
    const tokenizer = await load(familyFile("llama2"));
    const sat = await tokenizer.encode("sat");
    const text = `The[${sat.length}] sat.`;
    expect(await filled(tokenizer, text, sat)).toMatchObject({
      text: "The sat sat.",
      gaps: [" sat"],
    });
  });

  it("may not come before bytes that the decoder would join with it", async () => {
    const tokenizer = await load(familyFile("llama2"));
    await expect(filled(tokenizer, "a[1]👑", [5])).rejects.toMatchObject({
      option: "text",
      message: expect.stringContaining('changes "👑": as tokens it reads'),
    });
  });
});
