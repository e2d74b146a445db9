import { describe, expect, it } from "@jest/globals";
import { readFillText, type FillText } from "../../src/program/fillText.ts";

describe("a text with gaps", () => {
  it.each<[string, FillText, (string | number)[]]>([
    ["between texts", "The[8] sat on the[4].", ["The", 8, " sat on the", 4, "."]],
    ["at both ends", "[3] and [2]", [3, " and ", 2]],
    ["side by side, and of one token", "a[1][2]", ["a", 1, 2]],
    ["alone", "[5]", [5]],
    ["beside an escaped one", "a\\[8]b[2]", ["a[8]b", 2]],
    ["beside other brackets and backslashes", "[x] [ 8] [-1] \\n [2]", ["[x] [ 8] [-1] \\n ", 2]],
    ["as parts, in which nothing is parsed", ["a[8]", "\\[8]", 2, "", "b"], ["a[8]\\[8]", 2, "b"]],
  ])("has gaps %s", (_, text, parts) => {
    expect(readFillText(text)).toEqual(parts);
  });

  it.each<[unknown, string]>([
    ["The cat sat.", "The text has no gap"],
    ["a \\[8]", "The text has no gap"],
    [[], "The text has no gap"],
    ["", "The text has no gap"],
    ["a[0]", "gap in text must be an integer of at least 1; got 0"],
    [["a", 1.5], "gap in text must be an integer of at least 1; got 1.5"],
    [["a", -2], "gap in text must be an integer of at least 1; got -2"],
    [["a", NaN], "gap in text must be an integer of at least 1; got NaN"],
    [["a", null], "text must be a text with gaps, such as"],
    [null, "text must be a text with gaps, such as"],
    [8, "text must be a text with gaps, such as"],
  ])("%j is none", (text, message) => {
    const check = () => readFillText(text as FillText);
    expect(check).toThrow(message);
    expect(check).toThrow(expect.objectContaining({ code: "option_invalid" }));
  });
});
