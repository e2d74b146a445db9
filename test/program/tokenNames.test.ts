/** Tokens that are named by their ids or by texts: which token a text is, and what is refused. */
import { describe, expect, it } from "@jest/globals";
import { pinPrompt, preparePrompted } from "../../src/program/prompt.ts";
import type { SampleOptions } from "../../src/program/sampleOptions.ts";
import { SampleRun } from "../../src/program/run.ts";
import { RunTexts } from "../../src/program/runTexts.ts";
import { withNamedTokens } from "../../src/program/tokenNames.ts";
import type { Denoiser, DenoiserModel } from "../../src/sampler/index.ts";
import { runEvents } from "../../src/sampler/run.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const MODEL = { vocabSize: 28, maskId: 27, length: 5, timeConditioning: false };
/** A letter, a token; 26 is an unknown letter, `?` the mask. */
const LETTERS: Tokenizer = {
  name: "letters",
  vocabSize: 27,
  encode: async (text, { onUnknown = () => undefined } = {}) =>
    Array.from(text, (letter, position) => {
      if (letter === "?") return 27;
      if (letter >= "a" && letter <= "z") return letter.charCodeAt(0) - 97;
      onUnknown({ text: letter, position });
      return 26;
    }),
  decode: (ids) => Array.from(ids, (id) => String.fromCharCode(97 + id)).join(""),
};
/** A strategy that ranks positions, and so has a place for suppressed tokens. */
const RANKED = { strategy: "confidence" } as const;

const SILENT: Denoiser = {
  model: MODEL,
  forward: () => Promise.reject(new Error("nothing may be asked of the network")),
};

async function named(options: SampleOptions) {
  const prompted = preparePrompted({ ...RANKED, ...options }, MODEL);
  const run = await pinPrompt(prompted, LETTERS, MODEL);
  return withNamedTokens(run, prompted.names, LETTERS, MODEL);
}

describe("a token", () => {
  it("is named by its id or by a text, in any order", async () => {
    const run = await named({ banned: ["d", 1, "b", "a"], suppressed: ["z", 4] });
    expect([[...run.banned], [...run.suppressed]]).toEqual([
      [0, 1, 3],
      [4, 25],
    ]);
  });

  it("has no part in a run that names none", async () => {
    const run = await named({ prompt: "ab", guidance: 1 });
    expect([run.banned.size, run.suppressed.size, run.guidance]).toEqual([0, 0, 1]);
  });

  it.each<[SampleOptions, object]>([
    [
      { banned: ["ab"] },
      {
        message:
          'banned must be a text that is one token of letters (this one becomes 2: "a", "b"); got "ab"',
        remedy: 'Name single tokens, each by its text or its id: 0 is "a", 1 is "b".',
      },
    ],
    [
      { suppressed: ["abcdefghij"] },
      {
        message: expect.stringContaining(
          'becomes 10: "a", "b", "c", "d", "e", "f", "g", "h", ...)',
        ),
        remedy: expect.stringMatching(/ 7 is "h", [.]{3}$/),
      },
    ],
    [{ banned: ["é"] }, { code: "tokenizer_unknown" }],
    [
      { banned: ["?"] },
      { option: "banned", message: expect.stringContaining("other than the mask's, 27; got 27") },
    ],
    [
      { banned: [...Array(27).keys(), "a"] },
      { message: expect.stringContaining("leave at least one") },
    ],
    [
      { guidance: 1, prompt: "??" },
      { message: expect.stringContaining("guidance needs a prompt") },
    ],
  ])("is refused when the run begins: %j", async (options, error) => {
    await expect(named(options)).rejects.toMatchObject(error);
  });

  it.each<[SampleOptions, DenoiserModel, string]>([
    [
      { banned: ["a"], executor: "dense" },
      MODEL,
      'banned must be undefined with executor: "dense"',
    ],
    [{ suppressed: ["a"] }, MODEL, "suppressed must be undefined with a strategy that draws first"],
    [{ banned: [28, "a"] }, MODEL, "banned must be token ids in [0, 27]"],
    [{ banned: [null as never] }, MODEL, "banned must be token ids in [0, 27]"],
    [{ banned: [3, ""] }, MODEL, 'one token each; got ""'],
    [{ banned: "a" as never }, MODEL, "banned must be an array of token ids, or of texts"],
    [
      { ...RANKED, suppressed: null as never },
      MODEL,
      "suppressed must be an array of token ids, or of texts",
    ],
    [
      { suppressed: ["a"] },
      { ...MODEL, kind: "sedd" },
      "suppressed must be undefined with analytic",
    ],
    [{ guidance: 1 }, MODEL, "guidance needs a prompt"],
  ])("is refused at once: %j", (options, model, message) => {
    expect(() => preparePrompted(options, model)).toThrow(message);
  });

  it("stands in the settings as it was named", () => {
    const settingsOf = (options: SampleOptions) => {
      const prompted = preparePrompted({ ...RANKED, ...options }, MODEL);
      const texts = new RunTexts(LETTERS, { model: MODEL, run: prompted.run, specialTokens: true });
      const start = () => runEvents(SILENT, prompted.run);
      return new SampleRun({ ...prompted, start, texts, complete: (result) => result }).settings;
    };
    const names = { banned: ["b", 3], suppressed: [7, "c"], guidance: 2, prompt: "a" };
    expect(settingsOf(names)).toMatchObject({
      banned: ["b", 3],
      suppressed: [7, "c"],
      guidance: 2,
    });
    expect(settingsOf({})).toMatchObject({ banned: [], suppressed: [], guidance: 0 });
  });
});
