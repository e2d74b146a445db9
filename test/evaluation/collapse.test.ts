// @part backend
/** The guardrail on texts: what it must flag, and real text and ordinary samples, which it must not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { evaluate } from "../../src/evaluation/evaluate.ts";
import type { Evaluation } from "../../src/evaluation/evaluation.ts";
import { Remdm } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import type { Strategy } from "../../src/sampler/strategy.ts";
import { loadTokenizer } from "../../src/tokenizer/load.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const LENGTH = 128;
const SAMPLES = 32;
const SHAKESPEARE = join(packageRoot, "examples", "data", "shakespeare.txt");

describe("beside real text", () => {
  let tokenizer: Tokenizer;
  let corpus: Int32Array;
  /** Spread over what the demo model was trained on: the first 95%. */
  let references: Int32Array[];
  /** The rest. */
  let heldOut: Int32Array[];

  beforeAll(async () => {
    tokenizer = await loadTokenizer("demo");
    const text = readFileSync(SHAKESPEARE, "utf8");
    const parts = text.split(/(?<=\n\n)/).map((part) => tokenizer.encode(part));
    corpus = Int32Array.from((await Promise.all(parts)).flat());
    const cut = Math.floor(0.95 * corpus.length);
    references = windows(corpus.subarray(0, cut), SAMPLES);
    heldOut = windows(corpus.subarray(cut), SAMPLES);
  });

  function windows(tokens: Int32Array, count: number): Int32Array[] {
    const step = (tokens.length - LENGTH) / (count - 1);
    return Array.from({ length: count }, (_, i) => {
      return tokens.subarray(Math.floor(i * step), Math.floor(i * step) + LENGTH);
    });
  }

  async function evaluated(tokens: readonly ArrayLike<number>[]): Promise<Evaluation> {
    const texts = tokens.map((ids) => tokenizer.decode(ids));
    const others = references.map((ids) => tokenizer.decode(ids));
    return evaluate({ texts, tokens, references: others, referenceTokens: references });
  }

  it("held-out text has not collapsed, in windows anywhere", async () => {
    expect((await evaluated(heldOut)).collapse).toEqual({ collapsed: false, reasons: [] });
    for (const start of [1, 2, 3, 4, 5, 6]) {
      const shifted = windows(corpus.subarray(start * 50_000, (start + 1) * 50_000), SAMPLES);
      expect((await evaluated(shifted)).collapse.reasons).toEqual([]);
    }
  });

  it("one token throughout is a collapse, by every measure", async () => {
    const { collapse, entropy } = await evaluated(
      Array.from({ length: SAMPLES }, (_, i) => new Int32Array(LENGTH).fill(300 + i)),
    );
    expect(entropy.maximum).toBe(0);
    expect(collapse.reasons).toEqual([
      expect.stringMatching(/degenerate/),
      expect.stringMatching(/^99% of a sample's 4-grams/),
      expect.stringMatching(/^Entropy is 0.00 nats/),
      expect.stringMatching(/4-grams occurred earlier in it, of a reference's/),
      expect.stringMatching(/pairs of tokens/),
    ]);
  });

  it("two phrases in turn are one", async () => {
    const lines = ["And so, my lord, farewell.\n", "I will not go with you.\n"];
    const phrases = await Promise.all(lines.map((text) => tokenizer.encode(text)));
    const samples = Array.from({ length: SAMPLES }, (_, i) => {
      const tokens: number[] = [];
      // In an order of its own each, so that no sample equals another.
      for (let k = 0; tokens.length < LENGTH; k++) tokens.push(...phrases[(i >> (k % 5)) & 1]);
      return Int32Array.from(tokens.slice(0, LENGTH));
    });
    const { collapse, duplicates } = await evaluated(samples);
    expect(duplicates).toBe(0);
    expect(collapse.reasons).toContainEqual(expect.stringMatching(/^32 of 32 samples are degen/));
  });

  it("real text that is there twice is one, and real text out of a few windows", async () => {
    const twice = await evaluated([...heldOut.slice(0, 28), ...heldOut.slice(0, 4)]);
    expect(twice.collapse.reasons).toEqual([expect.stringMatching(/^13% of the samples equal/)]);
    // A handful of tokens changed in each: no sample equals another, and all resemble each other.
    const alike = heldOut.map((_, i) => heldOut[0].map((id, j) => (j % 32 === i ? 300 + i : id)));
    const { collapse, duplicates } = await evaluated(alike);
    expect(duplicates).toBe(0);
    expect(collapse.reasons).toEqual([expect.stringMatching(/pairs of tokens/)]);
  });

  it("a tenth of collapsed samples among real ones is one", async () => {
    const mixed = [
      ...heldOut.slice(4),
      ...[1, 2, 3, 4].map((id) => new Int32Array(LENGTH).fill(id)),
    ];
    const { collapse } = await evaluated(mixed);
    expect(collapse.reasons).toContainEqual(
      expect.stringMatching(/^4 of 32 samples are degenerate/),
    );
  });

  describe("samples of the demo model", () => {
    let remdm: Remdm;
    beforeAll(async () => {
      remdm = await Remdm.launch({ checkpoint: "demo" });
    });
    afterAll(() => remdm.close());

    it.each<Strategy>([{ kind: "mdlm" }, { kind: "remdm-cap", eta: 0.04 }])(
      "have not collapsed: %j",
      async (strategy) => {
        const options = { strategy, steps: 32, topP: 0.9, samples: 16, seed: 5 };
        const { tokens } = await remdm.sample(options).result();
        expect((await evaluated(tokens)).collapse.reasons).toEqual([]);
      },
      300_000,
    );
  });
});
