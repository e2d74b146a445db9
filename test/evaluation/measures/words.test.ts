import { describe, expect, it } from "@jest/globals";
import {
  knownWordShare,
  vocabularyOf,
  WordIds,
  wordsOf,
} from "../../../src/evaluation/measures/words.ts";

describe("words", () => {
  it.each([
    ["We know't, we KNOW\u2019T.", ["we", "know't", "we", "know't"]],
    ["'Tis o'er-run--by 2nd class", ["tis", "o'er", "run", "by", "nd", "class"]],
    ["Ça naïve \u00e9te\u0301", ["ça", "naïve", "été"]],
    ["dogs' \u2019 '' 42", ["dogs"]],
    ["<|endoftext|>So it<|endoftext|>", ["so", "it"]],
    ["a < b|c >", ["a", "b", "c"]],
    ["", []],
  ])("of %j", (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it("are found in the text that they come from, all of them", () => {
    const text = "If it were done when 'tis done, then 'twere well It were done quickly";
    expect(knownWordShare([text], vocabularyOf([text]))).toBe(1);
  });

  it("count from three letters on, apostrophes aside", () => {
    const known = vocabularyOf(["the king's"]);
    expect(knownWordShare(["xq i'm the kings king's"], known)).toBe(2 / 3);
    expect(knownWordShare(["a I o' 42"], known)).toBeNaN();
  });
});

describe("words as tokens", () => {
  it("are the same ids for the same word, number or mark", () => {
    const ids = new WordIds();
    expect(ids.encode("The King, the 10 Kings!")).toEqual([0, 1, 2, 0, 3, 4, 5]);
    expect(ids.encode("king !")).toEqual([1, 5]);
  });
});
