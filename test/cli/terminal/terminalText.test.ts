import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { clip, harmless, widthOf, wrap } from "../../../src/cli/terminal/terminalText.ts";

// eslint-disable-next-line no-control-regex -- they are the point
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe("harmless", () => {
  it.each([
    ["plain text\nstays", "plain text\nstays"],
    ["a\tb", "a    b"],
    ["a\r\nb\rc", "a\nb\nc"],
    ["\u001b]0;title\u0007", "␛]0;title␇"],
    ["\u009b31m", "\ufffd31m"],
    ["del\u007f", "del␡"],
    ["\u202etxt.exe", "\ufffdtxt.exe"],
    ["▒ é 漢 🙂", "▒ é 漢 🙂"],
  ])("%j", (text, expected) => {
    expect(harmless(text)).toBe(expected);
  });

  it("leaves no control character in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(harmless(text)).not.toMatch(STEERING);
      }),
      { seed: 1 },
    );
  });
});

it.each([
  ["abc", 3],
  ["漢字", 4],
  ["e\u0301", 1],
  ["▒▒", 2],
  ["🙂", 2],
  ["👩‍👩‍👧", 2],
  ["🇩🇪", 2],
  ["👍🏽", 2],
  ["한", 2],
])("%s is %d columns wide", (text, columns) => {
  expect(widthOf(text)).toBe(columns);
});

it("clips whole characters", () => {
  expect(clip("ab漢字", 3)).toBe("ab");
  expect(clip("ab漢字", 4)).toBe("ab漢");
  expect(clip("a👩‍👩‍👧b", 2)).toBe("a");
  expect(clip("a👩‍👩‍👧b", 3)).toBe("a👩‍👩‍👧");
  expect(clip("ae\u0301o", 2)).toBe("ae\u0301");
});

describe("wrap", () => {
  it("breaks at spaces, and inside a word that is too long", () => {
    expect(wrap("to be or not\nto be", 6)).toEqual(["to be", "or not", "to be"]);
    expect(wrap("abcdefgh", 3)).toEqual(["abc", "def", "gh"]);
    expect(wrap("", 5)).toEqual([""]);
  });

  it("keeps what a line begins with", () => {
    expect(wrap("  to be or not", 8)).toEqual(["  to be", "or not"]);
    expect(wrap("    ", 8)).toEqual(["    "]);
  });

  it("never breaks inside a character", () => {
    expect(wrap("👩‍👩‍👧👩‍👩‍👧👍🏽", 4)).toEqual(["👩‍👩‍👧👩‍👩‍👧", "👍🏽"]);
    expect(wrap("漢字漢字", 5)).toEqual(["漢字", "漢字"]);
    expect(wrap(`${"▒\u0307".repeat(3)}x\u0307`, 2)).toEqual(["▒\u0307▒\u0307", "▒\u0307\u1e8b"]);
  });

  it("fits every line of any characters, and loses nothing but spaces", () => {
    const unit = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 1 }),
      fc.constantFrom("▒", "▓", " ", "\u0301", "é", "漢", "👩‍👩‍👧", "”"),
    );
    fc.assert(
      fc.property(
        fc.array(unit, { maxLength: 60 }),
        fc.integer({ min: 2, max: 20 }),
        (units, to) => {
          const text = harmless(units.join(""));
          const lines = wrap(text, to);
          expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(to);
          const letters = (of: string) => of.normalize().replace(/\s/gu, "");
          expect(letters(lines.join(""))).toBe(letters(text));
        },
      ),
      { seed: 5, numRuns: 500 },
    );
  });

  it("fits every line and loses nothing but spaces", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 30 }), (text, columns) => {
        const lines = wrap(harmless(text), columns);
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
        const letters = (of: string) => of.replace(/\s/gu, "");
        expect(letters(lines.join(""))).toBe(letters(harmless(text)));
      }),
      { seed: 1 },
    );
  });
});
