// @part backend
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { findPython } from "../../../src/backend/process/python.ts";
import { formatOriginal } from "../../../src/evaluation/texts/originalFormat.ts";
import { readSamples } from "../../../src/evaluation/texts/samplesFile.ts";
import { scratchFiles } from "../support/scratch.ts";

const file = scratchFiles();

const result = {
  genPpl: 28.613,
  entropy: 5.375,
  mauve: 0.403,
  entropies: [5.25, 5.5],
  texts: ['<|endoftext|>The "cat"\n\tsat\\ \u007f', "Ça 漢字 \ud83d\ude00 \ud800 \u2028"],
};

/** The original's own lines. */
const DUMP = `
import json, sys
d = json.load(sys.stdin)
json.dump({'gen_ppl': d['genPpl'], 'entropy': d['entropy'], 'MAUVE': d['mauve'], 'entropies': d['entropies'],
           'text_samples': d['texts']}, sys.stdout, indent=4)
`;

describe("the original's format", () => {
  it("is what the original's json.dump writes, byte for byte", () => {
    const theirs = execFileSync(findPython().path, ["-c", DUMP], {
      input: JSON.stringify(result),
      encoding: "utf8",
    });
    expect(formatOriginal(result)).toBe(theirs);
  });

  it("gives texts and entropies back", async () => {
    const set = await readSamples(file("seqs.json", formatOriginal(result)));
    expect(set.texts).toEqual(result.texts);
    expect(set.entropies).toEqual(result.entropies);
  });

  it("has null for what there is not", () => {
    const json = formatOriginal({ genPpl: NaN, entropies: [], texts: ["a"] });
    expect(JSON.parse(json)).toEqual({
      gen_ppl: null,
      entropy: null,
      MAUVE: null,
      entropies: [],
      text_samples: ["a"],
    });
  });
});
