import { describe, expect, it } from "@jest/globals";
import { evaluate } from "../../src/evaluation/evaluate.ts";
import type { EvaluationInput, EvaluationOptions } from "../../src/evaluation/evaluationOptions.ts";
import { tokenEntropy } from "../../src/evaluation/measures/entropy.ts";
import { AbortedError, RemdmError } from "../../src/foundation/errors.ts";
import { FakeJudge } from "./support/fakeJudge.ts";

const texts = ["the cat sat on the mat", "a dog ran to a tree"];
const references = ["the king is dead, long live", "who goes there in the night", "to be or not"];
const lengths = (text: string): number[] => text.split(" ").map((word) => word.length);
const words = { encode: (text: string) => Promise.resolve(lengths(text)) };

describe("samples alone", () => {
  it("are measured by their tokens", async () => {
    const tokens = [Int32Array.of(1, 2, 1, 2), [1, 1, 1, 1, 1]];
    const { entropy, ...evaluation } = await evaluate({ texts, tokens });
    expect(evaluation).toEqual({
      samples: 2,
      tokensFrom: "samples",
      length: 4.5,
      distinct1: 2 / 9,
      distinct2: 3 / 7,
      repetition: 0.25,
      duplicates: 0,
      collapse: { collapsed: true, reasons: [expect.stringMatching(/^25% /)] },
    });
    expect(entropy.mean).toBeCloseTo(Math.log(2) / 2, 12);
  });

  it("are tokenized where nobody knows their tokens, and else are words", async () => {
    const tokenized = await evaluate({ texts }, { tokenizer: words });
    expect(tokenized.tokensFrom).toBe("tokenizer");
    expect(tokenized.entropy.mean).toBeCloseTo(
      (tokenEntropy(lengths(texts[0])) + tokenEntropy(lengths(texts[1]))) / 2,
      12,
    );
    const split = await evaluate({ texts });
    expect(split.tokensFrom).toBe("words");
    expect(split.entropy.maximum).toBeCloseTo(tokenEntropy([0, 1, 2, 3, 0, 4]), 12);
  });

  it("have the entropies that the caller knows", async () => {
    const { entropy } = await evaluate({ texts }, { entropies: [4, 5] });
    expect([entropy.minimum, entropy.maximum]).toEqual([4, 5]);
  });

  it("have the words that the vocabulary has", async () => {
    const vocabulary = new Set(["the", "cat", "sat", "dog"]);
    const { knownWords } = await evaluate({ texts }, { vocabulary });
    expect(knownWords).toBe(5 / 8); // the cat sat the mat, dog ran tree
    expect(await evaluate({ texts: ["42"] }, { vocabulary })).not.toHaveProperty("knownWords");
  });
});

describe("with a judge", () => {
  it("perplexity has entropy beside it", async () => {
    const judge = new FakeJudge((text) => (text.startsWith("the") ? 2 : 4));
    const { genPpl, entropy, mauve } = await evaluate({ texts }, { judge });
    expect(genPpl).toMatchObject({ judge: "fake", tokens: 12 });
    expect(genPpl?.value).toBeCloseTo(Math.exp(3), 12);
    expect(genPpl?.standardError).toBeCloseTo(Math.exp(3), 12); // deviations of 6 nats, 12 tokens
    expect(entropy.mean).toBeGreaterThan(0);
    expect(mauve).toBeUndefined();
    expect(judge.asked).toEqual(["likelihoods of 2"]);
  });

  it("references are judged as well, and compared by MAUVE", async () => {
    const judge = new FakeJudge();
    const options = { judge, mauve: { seeds: [1, 2, 6], scale: 4 }, tokenizer: words };
    const evaluation = await evaluate({ texts, references }, options);
    expect(evaluation.mauve).toEqual({
      mean: expect.closeTo(0.3, 12),
      standardDeviation: expect.closeTo(Math.sqrt(0.07), 12),
      scores: [0.1, 0.2, 0.6],
      references: 3,
      judge: "fake",
      seeds: [1, 2, 6],
      scale: 4,
    });
    expect(evaluation.references?.genPpl?.value).toBeCloseTo(Math.exp(3), 12);
    expect(judge.asked).toEqual([
      "likelihoods of 2",
      "likelihoods of 3",
      "features of 3",
      "features of 2",
      "mauve of 3 and 2, scale 4",
    ]);
  });

  it("five seeds and scale 5 are the defaults, and false leaves MAUVE out", async () => {
    const { mauve } = await evaluate({ texts, references }, { judge: new FakeJudge() });
    expect(mauve).toMatchObject({ seeds: [1, 2, 3, 4, 5], scale: 5 });
    const without = new FakeJudge();
    await evaluate({ texts, references }, { judge: without, mauve: false });
    expect(without.asked).toEqual(["likelihoods of 2", "likelihoods of 3"]);
  });
});

describe("a MAUVE that fails", () => {
  const missing = new RemdmError("mauve-text is not installed", {
    code: "package_missing",
    remedy: "Install it.",
  });
  const failing = (error: Error): FakeJudge => {
    const judge = new FakeJudge();
    judge.mauve = () => Promise.reject(error);
    return judge;
  };

  const left = {
    measure: "mauve",
    code: "package_missing",
    message: "mauve-text is not installed",
    remedy: "Install it.",
  };

  it("is left out, and the rest says why", async () => {
    const evaluation = await evaluate({ texts, references }, { judge: failing(missing) });
    expect(evaluation.skipped).toEqual([left]);
    expect(evaluation).not.toHaveProperty("mauve");
    expect(evaluation.genPpl?.value).toBeCloseTo(Math.exp(3), 12);
    expect(evaluation.references?.genPpl?.value).toBeCloseTo(Math.exp(3), 12);
  });

  it("so also where the features fail", async () => {
    const judge = new FakeJudge();
    judge.features = () => Promise.reject(missing);
    const { genPpl, skipped } = await evaluate({ texts, references }, { judge });
    expect([genPpl?.judge, skipped]).toEqual(["fake", [left]]);
  });

  it("is thrown where it was asked for by name, or goes to onFailure", async () => {
    const judge = failing(missing);
    await expect(evaluate({ texts, references }, { judge, mauve: {} })).rejects.toBe(missing);
    const told: unknown[] = [];
    const onFailure = (...failure: unknown[]) => void told.push(failure);
    const evaluation = await evaluate({ texts, references }, { judge, mauve: {}, onFailure });
    expect(told).toEqual([["mauve", missing]]);
    expect(evaluation.skipped).toEqual([left]);
    expect(evaluation.genPpl?.judge).toBe("fake");
  });

  it("is no abort, and no bug: these are thrown", async () => {
    const onFailure = () => {
      throw new Error("told");
    };
    const of = (error: Error) =>
      evaluate({ texts, references }, { judge: failing(error), onFailure });
    const aborted = new AbortedError();
    await expect(of(aborted)).rejects.toBe(aborted);
    const bug = new TypeError("a bug");
    await expect(of(bug)).rejects.toBe(bug);
  });

  it("for too few texts asks the judge nothing, and where it was asked for, the error comes first", async () => {
    const judge = Object.assign(new FakeJudge(), { mauveLeastTexts: 20 });
    const { genPpl, skipped } = await evaluate({ texts, references }, { judge });
    expect(genPpl?.judge).toBe("fake");
    const message = "MAUVE needs at least 20 samples and as many references; there are 2 and 3";
    expect(skipped).toEqual([
      {
        measure: "mauve",
        code: "input_invalid",
        message,
        remedy: expect.stringMatching(/^Give 20/),
      },
    ]);
    expect(judge.asked).toEqual(["likelihoods of 2", "likelihoods of 3"]);
    const named = evaluate({ texts, references }, { judge, mauve: {} });
    await expect(named).rejects.toMatchObject({ code: "input_invalid", message });
    expect(judge.asked).toHaveLength(2);
  });

  it("cannot be asked for without a judge and references", async () => {
    const judge = new FakeJudge();
    for (const without of [
      evaluate({ texts }, { judge, mauve: {} }),
      evaluate({ texts, references }, { mauve: {} }),
    ]) {
      await expect(without).rejects.toMatchObject({ code: "option_invalid", option: "mauve" });
    }
  });
});

describe("a perplexity that fails", () => {
  const memory = new RemdmError("no memory", { code: "out_of_memory", remedy: "Free some." });

  it("leaves all else, where the caller takes the failure: entropy, MAUVE, the guardrail", async () => {
    const judge = new FakeJudge();
    judge.likelihoods = () => Promise.reject(memory);
    await expect(evaluate({ texts, references }, { judge })).rejects.toBe(memory);
    const told: unknown[] = [];
    const onFailure = (...failure: unknown[]) => void told.push(failure);
    const evaluation = await evaluate({ texts, references }, { judge, onFailure });
    expect(told).toEqual([["genPpl", memory]]);
    expect(evaluation).not.toHaveProperty("genPpl");
    expect(evaluation.mauve?.judge).toBe("fake");
    expect(evaluation.entropy.mean).toBeGreaterThan(0);
    expect(evaluation.skipped).toMatchObject([{ measure: "genPpl", code: "out_of_memory" }]);
  });
});

it("seeds whose histograms tie in all bins are told; the score is mauve-text's own", async () => {
  const judge = new FakeJudge();
  judge.mauve = async (_p, _q, { seeds, onTie }) => {
    onTie?.(seeds[1]);
    return seeds.map(() => 0.75);
  };
  const { mauve } = await evaluate({ texts, references }, { judge, mauve: { seeds: [4, 9] } });
  expect(mauve).toMatchObject({ mean: 0.75, scores: [0.75, 0.75], tiedSeeds: [9] });
  const other = await evaluate({ texts, references }, { judge: new FakeJudge() });
  expect(other.mauve).not.toHaveProperty("tiedSeeds");
});

describe("references", () => {
  it("are cut to the samples' length, and counted over as many tokens", async () => {
    const tokens = [
      [1, 2, 3],
      [1, 2, 4],
    ];
    const referenceTokens = [
      [5, 6, 5, 6, 5, 6],
      [7, 8, 9, 7],
      [1, 1, 1],
    ];
    const { references: row } = await evaluate({ texts, tokens, references, referenceTokens });
    expect(row).toMatchObject({ count: 3, length: 3, distinct1: 5 / 6, distinct2: 1 });
    expect(row?.entropy?.minimum).toBe(0);
  });

  it("have no tokens where the samples' are known and no tokenizer is", async () => {
    const tokens = [[1], [2]];
    const { references: row } = await evaluate({ texts, tokens, references });
    expect(row).toEqual({ count: 3 });
    const { references: known } = await evaluate(
      { texts, tokens, references },
      { tokenizer: words },
    );
    expect(known).toHaveProperty("entropy");
  });
});

describe("entropies of subword tokens beside words", () => {
  const four = ["so it goes on", "who goes there now", "not a word more", "all is well here"];
  const given = { entropies: [0.5, 0.51, 0.52, 0.53] };

  it("are reported, and compared with nothing that is made of words", async () => {
    const references = [
      "we few we happy",
      "once more unto it",
      "the game is up",
      "my kingdom for a",
    ];
    const {
      entropy,
      references: row,
      collapse,
    } = await evaluate({ texts: four, references }, given);
    expect(entropy.mean).toBeCloseTo(0.515, 12);
    expect(row).toMatchObject({ count: 4, length: 4 });
    expect(row).not.toHaveProperty("entropy");
    expect(collapse.reasons).toEqual([]);
  });

  it("hide no collapse of the words, nor make one", async () => {
    const loops = four.map((text) => `${text} `.repeat(20));
    const high = { entropies: [5, 5.1, 5.2, 5.3] };
    const { collapse } = await evaluate({ texts: loops }, high);
    expect(collapse.reasons).toEqual([
      expect.stringMatching(/^4 of 4 samples are degenerate/),
      expect.stringMatching(/4-grams/),
    ]);
    const long = Array.from({ length: 4 }, (_, s) =>
      Array.from({ length: 64 }, (__, i) => "abcdefgh"[s] + "x".repeat(i)).join(" "),
    );
    expect((await evaluate({ texts: long }, given)).collapse.reasons).toEqual([]);
  });

  const against = (entropies: readonly number[]) =>
    evaluate(
      { texts: four, references: four.map((text) => `${text}!`) },
      { entropies, tokenizer: words },
    );

  it("compare with tokens of the tokenizer that they are of", async () => {
    // Sampled tokens are not quite those of their text.
    const own = four.map((text) => tokenEntropy(lengths(text)) - 0.01);
    const { entropy, references: row } = await against(own);
    expect(entropy.maximum).toBe(Math.max(...own));
    expect(row).toHaveProperty("entropy");
  });

  it("compare with nothing beside another tokenizer's tokens", async () => {
    const { entropy, references: row, collapse } = await against(given.entropies);
    expect(entropy.mean).toBeCloseTo(0.515, 12);
    expect(row).not.toHaveProperty("entropy");
    expect(collapse.reasons).toEqual([]);
  });
});

describe("bad input is refused before anything starts", () => {
  it.each<[string, unknown, unknown]>([
    ["input", undefined, {}],
    ["options", { texts }, 7],
    ["texts", { texts: [] }, {}],
    ["texts", { texts: [7] }, {}],
    ["tokens", { texts, tokens: [[1]] }, {}],
    ["references", { texts, references: "text" }, {}],
    ["referenceTokens", { texts, references, referenceTokens: [[1]] }, {}],
    ["colour", { texts, colour: 1 }, {}],
    ["colour", { texts }, { colour: 1 }],
    ["entropies", { texts }, { entropies: [1] }],
    ["entropies", { texts }, { entropies: [1, NaN] }],
    ["mauve", { texts }, { mauve: 5 }],
    ["mauve.seeds", { texts }, { mauve: { seeds: [] } }],
    ["mauve.seeds", { texts }, { mauve: { seeds: [0.5] } }],
    ["mauve.scale", { texts }, { mauve: { scale: 0 } }],
    ["mauve.colour", { texts }, { mauve: { colour: 1 } }],
  ])("%s", async (option, input, options) => {
    const judge = new FakeJudge();
    const given = typeof options === "object" ? { judge, ...options } : options;
    await expect(
      evaluate(input as EvaluationInput, given as EvaluationOptions),
    ).rejects.toMatchObject({ code: "option_invalid", option });
    expect(judge.asked).toEqual([]);
  });
});

describe("progress and abort", () => {
  it("each stage is told, to its end", async () => {
    const told = new Map<string, string>();
    await evaluate(
      { texts, references },
      {
        judge: new FakeJudge(),
        tokenizer: words,
        vocabulary: new Set(),
        onProgress: (stage, done, total) => told.set(stage, `${done}/${total}`),
      },
    );
    expect([...told]).toEqual([
      ["tokens of the samples", "2/2"],
      ["tokens of the references", "3/3"],
      ["statistics of the samples", "2/2"],
      ["statistics of the references", "3/3"],
      ["words of the samples", "2/2"],
      ["words of the references", "3/3"],
      ["perplexity of the samples", "2/2"],
      ["perplexity of the references", "3/3"],
      ["features of the references", "3/3"],
      ["features of the samples", "2/2"],
      ["MAUVE", "5/5"],
    ]);
  });

  it("an abort ends it before the next stage", async () => {
    const judge = new FakeJudge();
    const controller = new AbortController();
    const reason = new Error("enough");
    const evaluation = evaluate(
      { texts, references },
      {
        judge,
        signal: controller.signal,
        onProgress: (stage) => {
          if (stage === "perplexity of the samples") controller.abort(reason);
        },
      },
    );
    await expect(evaluation).rejects.toMatchObject({ code: "aborted", cause: reason });
    expect(judge.asked).toEqual(["likelihoods of 2"]);
  });

  it("an aborted signal starts nothing, and the judge is given the signal", async () => {
    const judge = new FakeJudge();
    await expect(evaluate({ texts }, { judge, signal: AbortSignal.abort() })).rejects.toMatchObject(
      { code: "aborted" },
    );
    expect(judge.asked).toEqual([]);
    const { signal } = new AbortController();
    const given: unknown[] = [];
    judge.likelihoods = async (all, options) => {
      given.push(options?.signal);
      return all.map(() => ({ nats: 1, tokens: 1 }));
    };
    await evaluate({ texts }, { judge, signal });
    expect(given).toEqual([signal]);
  });

  it("the event loop turns while much is counted", async () => {
    const controller = new AbortController();
    const tokens = Array.from({ length: 200 }, (_, i) => new Int32Array(2048).fill(i));
    setTimeout(() => controller.abort(), 0);
    await expect(
      evaluate({ texts: tokens.map(String), tokens }, { signal: controller.signal }),
    ).rejects.toMatchObject({ code: "aborted" });
  });
});
