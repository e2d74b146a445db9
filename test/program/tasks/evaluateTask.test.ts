/** Tasks on a network that is a table: what is sampled, what is told, what is refused. */
import { describe, expect, it } from "@jest/globals";
import {
  evaluateTask,
  Remdm,
  type EvaluatedModel,
  type ModelKind,
  type TaskAnswer,
  type TaskItem,
  type TaskOptions,
  type Tokenizer,
} from "../../../src/index.ts";
import { TableDenoiser, tableLogits, type Logits } from "../../sampler/support/tableDenoiser.ts";

/** A letter, a token; `_` is the mask, `$` ends a text. */
const LETTERS = "a_b$";
const tokenizer: Tokenizer = {
  name: "letters",
  vocabSize: 4,
  eosId: 3,
  encode: async (text, { onUnknown } = {}) => {
    const unknown = Array.from(text).findIndex((letter) => !LETTERS.includes(letter));
    if (unknown >= 0) onUnknown?.({ text: text[unknown], position: unknown });
    return Array.from(text, (letter) => Math.max(0, LETTERS.indexOf(letter)));
  },
  decode: (ids) => Array.from(ids, (id) => LETTERS[id]).join(""),
};

function model(
  kind: ModelKind = "mdlm",
  logits: Logits = tableLogits,
  length = 12,
): EvaluatedModel & { readonly denoiser: TableDenoiser } {
  const denoiser = new TableDenoiser(length, { kind, eosId: 3, bosId: 3 }, logits, true);
  const parts = { denoiser, tokenizer };
  return { ...parts, sample: (options) => Remdm.prototype.sample.call(parts as never, options) };
}

/** Every token is likely what it says: `b`, and at position 5 the end. */
const wise: Logits = (_, __, position) =>
  Float32Array.from([0, 0, position === 5 ? 0 : 60, position === 5 ? 60 : 0]);

const OPTIONS: TaskOptions = { strategy: "mdlm", answerLength: 4, seed: 3 };
const ITEMS: readonly TaskItem[] = [
  { id: "one", prompt: "aa", scorer: "exact", expected: "bbb" },
  { id: "two", prompt: "a", scorer: "contains", expected: "bbbb" },
  { id: "three", prompt: "aab", scorer: "choice", choices: ["bb", "ab"], expected: "bb" },
];

describe("an answer", () => {
  it("is what is sampled after the prompt, cut at its end, without special tokens", async () => {
    const { answers, scores } = await evaluateTask(model("mdlm", wise), ITEMS, OPTIONS);
    expect(answers).toEqual([
      {
        ...{ id: "one", repeat: 0, scorer: "exact", answer: "bbb", score: 1, extracted: "bbb" },
        finishReason: "end",
      },
      {
        ...{ id: "two", repeat: 0, scorer: "contains", answer: "bbbb", score: 1 },
        ...{ extracted: "bbbb", finishReason: "length" },
      },
      {
        ...{ id: "three", repeat: 0, scorer: "choice", answer: "bb", score: 1 },
        ...{ logLikelihoods: [expect.any(Number), expect.any(Number)], standardErrors: [0, 0] },
      },
    ]);
    expect(scores.all).toEqual({ items: 3, answers: 3, mean: 1, standardError: 0 });
  });

  it("is guided towards its prompt where that is asked for", async () => {
    const { answers } = await evaluateTask(model("mdlm", wise), ITEMS, {
      ...OPTIONS,
      guidance: 2,
    });
    expect(answers.map(({ answer }) => answer)).toEqual(["bbb", "bbbb", "bb"]);
  });

  it("ends before a text that stops it", async () => {
    const item: TaskItem = { prompt: "a", scorer: "exact", expected: "b", stop: ["bb", "b"] };
    const { answers } = await evaluateTask(model("mdlm", wise), [item], OPTIONS);
    expect(answers[0].answer).toBe("");
  });

  it("has as many tokens as asked for, and a step for each", async () => {
    const never: Logits = (...at) => tableLogits(...at).fill(-60, 3);
    const { answers } = await evaluateTask(model("mdlm", never), ITEMS.slice(0, 1), {
      ...OPTIONS,
      answerLength: 7,
    });
    expect(answers[0].answer).toHaveLength(7);
    const longest = await evaluateTask(model("mdlm", never), ITEMS.slice(0, 1), { seed: 1 });
    expect(longest.answers[0].answer).toHaveLength(10);
  });

  it("of an ar model follows the token that begins the text", async () => {
    const causal: Logits = (_, __, position) => wise([], 0, position + 1);
    for (const quirks of ["original", "paper"] as const) {
      const asked = { answerLength: 4, quirks };
      const { answers } = await evaluateTask(model("ar", causal), ITEMS.slice(0, 2), asked);
      expect(answers.map(({ answer }) => answer)).toEqual(["bb", "bbb"]);
    }
  });
});

describe("noise", () => {
  const answersOf = async (options: TaskOptions, items = ITEMS): Promise<string[]> => {
    const { answers } = await evaluateTask(model(), items, { ...OPTIONS, topP: 1, ...options });
    return answers.map(({ id, repeat, answer }) => `${id} ${repeat} ${answer}`);
  };

  it("is that of sample 1000 i + k, whatever else is answered", async () => {
    const all = await answersOf({ repeats: 6 });
    expect(all).toHaveLength(13);
    expect(await answersOf({ repeats: 6, concurrency: 1 })).toEqual(all);
    const two = all.filter((one) => one.startsWith("two"));
    expect(new Set(two.map((one) => one.slice(6))).size).toBeGreaterThan(1);
    const again = await answersOf({ repeats: 2 }, ITEMS.slice(0, 2));
    expect(all).toEqual(expect.arrayContaining(again));
    const { texts } = await model()
      .sample({
        ...{ strategy: "mdlm", seed: 3, steps: 4, length: 5, prompt: "a", samples: 6 },
        ...{ firstSample: 1000, topP: 1, until: "end", specialTokens: false },
      })
      .result();
    expect(two).toEqual(texts.map((text, k) => `two ${k} ${text.slice(1)}`));
  });

  it("of PyTorch is the stream of another seed for each item", async () => {
    const dense = { executor: "dense", repeats: 2 } as const;
    const all = await answersOf(dense);
    const { texts } = await model()
      .sample({
        ...{ strategy: "mdlm", seed: 4, steps: 4, length: 5, prompt: "a", samples: 2 },
        ...{ executor: "dense", topP: 1, until: "end", specialTokens: false },
      })
      .result();
    expect(all.filter((one) => one.startsWith("two"))).toEqual(
      texts.map((text, k) => `two ${k} ${text.slice(1)}`),
    );
  });
});

describe("choices", () => {
  const choose = async (choices: readonly string[], options: TaskOptions = {}) => {
    const item: TaskItem = { prompt: "a", scorer: "choice", choices, expected: 0 };
    return (await evaluateTask(model("mdlm", wise), [item], options)).answers[0];
  };

  it("are weighed by the whole, or per character", async () => {
    expect((await choose(["b", "bb", "a"])).answer).toBe("b");
    // ln(1/3) for "$" alone, twice 0 for the others.
    const { logLikelihoods = [] } = await choose(["ab", "abbbbbb"]);
    expect(logLikelihoods[0]).toBeCloseTo(-60, 3);
    expect(logLikelihoods[1]).toBeLessThan(-100);
    const long = { choiceScore: "per-character" } as const;
    expect((await choose(["ab", "abb"], long)).answer).toBe("abb");
    expect((await choose(["ab", "abb"])).answer).toBe("ab");
  });

  it("share what the tokenizer joins with the prompt", async () => {
    const joined: Tokenizer = {
      ...tokenizer,
      // "ab" is one token, and so the prompt "a" is no token of "ab".
      encode: async (text) => Array.from(text.replaceAll("ab", "$"), (x) => LETTERS.indexOf(x)),
    };
    const item: TaskItem = { prompt: "ba", scorer: "choice", choices: ["b", "a"], expected: 0 };
    const asked = { ...model("mdlm", wise), tokenizer: joined };
    await evaluateTask(asked, [item], {});
    const sequences = asked.denoiser.requests.map(({ tokens }) => Array.from(tokens));
    // The prompt is "b" alone: the first choice is the token of "ab", the second one "a" and "a".
    expect(sequences[0]).toEqual([2, 1]);
    expect(sequences[1].slice(0, 3)).toEqual([2, 1, 0]);
  });

  it("are refused for models without a bound, and where they do not fit", async () => {
    await expect(evaluateTask(model("sedd"), ITEMS)).rejects.toThrow(
      'The item "three" needs the likelihood of its choices, which is not computed for sedd models',
    );
    const long = [{ ...ITEMS[2], prompt: "a".repeat(11) }] as readonly TaskItem[];
    await expect(evaluateTask(model(), long)).rejects.toThrow(
      'The item "three" has 13 tokens with its choice; the model takes at most 12',
    );
    const unknown = [{ ...ITEMS[2], prompt: "z" }] as readonly TaskItem[];
    await expect(evaluateTask(model(), unknown)).rejects.toMatchObject({
      code: "tokenizer_unknown",
    });
  });
});

describe("an evaluation", () => {
  it("keeps earlier answers and tells the others, with the progress", async () => {
    const told: TaskAnswer[] = [];
    const progress: string[] = [];
    const options: TaskOptions = {
      ...OPTIONS,
      repeats: 2,
      onAnswer: (answer) => told.push(answer),
      onProgress: (done, total) => progress.push(`${done}/${total}`),
    };
    const { answers, scores } = await evaluateTask(model(), ITEMS, options);
    expect(progress).toEqual(["0/5", "1/5", "2/5", "3/5", "4/5", "5/5"]);
    expect(told).toHaveLength(5);
    told.length = 0;
    const earlier = [answers[0], answers[4]];
    const again = await evaluateTask(model(), ITEMS, { ...options, earlier });
    expect(told.map(({ id, repeat }) => `${id} ${repeat}`).sort()).toEqual([
      "one 1",
      "two 0",
      "two 1",
    ]);
    expect(again).toEqual({ answers, scores });
  });

  it("stops with the caller's signal, and after what a callback throws", async () => {
    const controller = new AbortController();
    const stopped = evaluateTask(model(), ITEMS, {
      ...OPTIONS,
      signal: controller.signal,
      onAnswer: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    const already = evaluateTask(model(), ITEMS, { ...OPTIONS, signal: AbortSignal.abort() });
    await expect(already).rejects.toMatchObject({ code: "aborted" });
    const full = new Error("the disk is full");
    const failed = evaluateTask(model(), ITEMS, {
      ...OPTIONS,
      onAnswer: () => {
        throw full;
      },
    });
    await expect(failed).rejects.toBe(full);
  });

  it.each<[string, object]>([
    ["repeats", { repeats: 1001 }],
    ["repeats", { repeats: 0 }],
    ["answerLength", { answerLength: 0 }],
    ["answerLength", { answerLength: 11 }],
    ["likelihoodSamples", { likelihoodSamples: 1 }],
    ["choiceScore", { choiceScore: "best" }],
    ["concurrency", { concurrency: 0 }],
    ["scorer", { scorer: "best" }],
    ["samples", { samples: 2 }],
    ["prompt", { prompt: "a" }],
    ["topP", { topP: 2 }],
    ["strategy", { strategy: "no-such" }],
    ["answerlength", { answerlength: 4 }],
  ])("refuses a wrong %s", async (option, given) => {
    const refused = evaluateTask(model(), ITEMS, given);
    await expect(refused).rejects.toMatchObject({ code: "option_invalid", option });
  });

  it("names the item whose prompt leaves no room, before anything is answered", async () => {
    const items = [ITEMS[1], { ...ITEMS[0], prompt: "a".repeat(12) }] as readonly TaskItem[];
    const onAnswer = (): void => {
      throw new Error("an item was answered");
    };
    await expect(evaluateTask(model(), items, { onAnswer })).rejects.toThrow(
      'The prompt of the item "one" has 12 tokens; the model takes 12, the answer included',
    );
    const longer = { onAnswer, answerLength: 11 };
    await expect(evaluateTask(model(), [ITEMS[0]], longer)).rejects.toMatchObject({
      message:
        'The prompt of the item "one" has 2 tokens, which leaves room for 10 of the model\'s 12; the answer has 11',
      remedy: "Shorten the prompt, or set `answerLength` to 10 or less.",
    });
  });
});
