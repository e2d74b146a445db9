/** What tokenizers do not know of references and of judged texts is counted, and said. */
import { describe, expect, it } from "@jest/globals";
import { describeEvaluation } from "../../../src/cli/commands/eval/report.ts";
import { evaluate } from "../../../src/evaluation/evaluate.ts";
import type { Evaluation } from "../../../src/evaluation/evaluation.ts";
import { readReferences } from "../../../src/evaluation/texts/referencesFile.ts";
import { unknownNotes, withUnknownPieces } from "../../../src/evaluation/texts/unknownPieces.ts";
import { perplexityOf } from "../../../src/evaluation/measures/perplexity.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { FakeJudge } from "../support/fakeJudge.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();
/** Knows small letters; anything else is token 0. */
const letters: Tokenizer = {
  name: "letters",
  vocabSize: 27,
  encode: (text, { onUnknown } = {}) => {
    const ids = Array.from(text, (letter, position) => {
      if (/[a-z ]/.test(letter)) return letter.charCodeAt(0) - 96;
      onUnknown?.({ text: letter, position });
      return 0;
    });
    return Promise.resolve(ids);
  },
  decode: (ids) => Array.from(ids, (id) => String.fromCharCode(96 + id)).join(""),
};

describe("unknown pieces", () => {
  it("of windows are counted over all that they were cut from", async () => {
    const path = file("references.txt", "a red Mat, a Cat\n");
    const options = { count: 2, length: 4, tokenizer: letters };
    expect((await readReferences(path, options)).unknownPieces).toBe(4);
    const plain = file("plain.txt", "a red mat");
    expect(await readReferences(plain, options)).not.toHaveProperty("unknownPieces");
  });

  it("of texts that are tokenized for their measures are counted, and absent where there are none", async () => {
    const texts = ["the Cat", "a dog"];
    const references = ["The Dog", "A cat"];
    const found = await evaluate({ texts, references }, { tokenizer: letters });
    expect(found).toMatchObject({ unknownPieces: 1, references: { unknownPieces: 3 } });
    const without = await evaluate({ texts: ["a", "b"] }, { tokenizer: letters });
    expect(without).not.toHaveProperty("unknownPieces");
  });

  it("of judged texts are added up", () => {
    const texts = [
      { nats: 1, tokens: 2, unknownPieces: 3 },
      { nats: 1, tokens: 2 },
    ];
    expect(perplexityOf([...texts, ...texts]).unknownPieces).toBe(6);
    expect(perplexityOf(texts.slice(1))).not.toHaveProperty("unknownPieces");
  });

  it("are said below the table", async () => {
    const judge = new FakeJudge();
    const likelihoods = judge.likelihoods.bind(judge);
    judge.likelihoods = async (texts, options) =>
      (await likelihoods(texts, options)).map((one) => ({ ...one, unknownPieces: 2 }));
    const evaluation = withUnknownPieces(
      await evaluate(
        { texts: ["the Cat", "a dog"], references: ["a", "b", "c"] },
        { tokenizer: letters, judge, mauve: false },
      ),
      7,
    );
    const notes = [
      "1 piece of the samples became the unknown token: their tokenizer has no other for them.",
      "7 pieces of the references became the unknown token: the samples' tokenizer has no other for them.",
      "4 pieces of the samples became the unknown token: the judge fake has no other for them.",
      "6 pieces of the references became the unknown token: the judge fake has no other for them.",
    ];
    expect(unknownNotes(evaluation)).toEqual(notes);
    expect(describeEvaluation(evaluation)).toContain(`\n\n${notes.join("\n")}\n\n`);
    const readBack = JSON.parse(JSON.stringify(evaluation)) as Evaluation;
    expect(unknownNotes(readBack)).toEqual(notes);
  });
});
