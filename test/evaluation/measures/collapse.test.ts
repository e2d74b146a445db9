/** The criteria by themselves; test/evaluation has them on texts. */
import { describe, expect, it } from "@jest/globals";
import {
  findCollapse,
  isDegenerate,
  type Comparison,
  type Measures,
  type SampleMeasures,
} from "../../../src/evaluation/measures/collapse.ts";
import type { Spread } from "../../../src/evaluation/measures/spread.ts";
import { readGolden } from "../../support/golden.ts";

function around(mean: number, standardError: number): Spread {
  return { mean, standardError, standardDeviation: NaN, minimum: NaN, maximum: NaN };
}

const real: Measures = {
  count: 1000,
  length: 1024,
  entropy: around(5.44, 0.01),
  repetition: around(0.03, 0.002),
};
const fine: SampleMeasures = { ...real, degenerate: 0, duplicates: 0 };

function beside(part: Partial<Comparison> = {}): Comparison {
  return { references: real, distinct2: { samples: 0.6, references: 0.65 }, ...part };
}

describe("samples like their references", () => {
  it("have not collapsed", () => {
    expect(findCollapse(fine)).toEqual({ collapsed: false, reasons: [] });
    const perplexity = { samples: 12, references: 14.8 };
    expect(findCollapse(fine, beside({ perplexity })).reasons).toEqual([]);
  });
});

describe("without references", () => {
  it.each<[string, Partial<SampleMeasures>, RegExp]>([
    ["degenerate samples", { degenerate: 51 }, /^51 of 1000 samples are degenerate/],
    ["repetition", { repetition: around(0.21, 0.2) }, /^21% of a sample's 4-grams/],
    ["duplicates", { duplicates: 0.06 }, /^6\.0% of the samples equal an earlier one/],
  ])("%s are a collapse, with the number", (_, part, reason) => {
    const { collapsed, reasons } = findCollapse({ ...fine, ...part });
    expect(collapsed).toBe(true);
    expect(reasons).toEqual([expect.stringMatching(reason)]);
  });

  it("a little of each is none", () => {
    const little = { degenerate: 50, repetition: around(0.19, 0.001), duplicates: 0.05 };
    expect(findCollapse({ ...fine, ...little }).collapsed).toBe(false);
  });

  it("one sample is degenerate below the entropy of sqrt(L) tokens, or repeated by half", () => {
    expect(isDegenerate(1024, Math.log(31.9), 0)).toBe(true);
    expect(isDegenerate(1024, Math.log(32.1), 0)).toBe(false);
    expect(isDegenerate(1024, 5, 0.51)).toBe(true);
    expect(isDegenerate(31, 0, 1)).toBe(false); // too short to say
  });
});

describe("beside references", () => {
  it("entropy must be lower by more than 10%, and beyond chance", () => {
    const lower = (mean: number, error: number): SampleMeasures => ({
      ...fine,
      entropy: around(mean, error),
    });
    expect(findCollapse(lower(4.8, 0.01), beside()).reasons).toEqual([
      "Entropy is 4.80 nats, the references' 5.44: 12% lower (at most 10% may be).",
    ]);
    expect(findCollapse(lower(4.95, 0.01), beside()).collapsed).toBe(false);
    expect(findCollapse(lower(4.8, 0.3), beside()).collapsed).toBe(false);
    expect(findCollapse(lower(4.8, NaN), beside()).collapsed).toBe(false); // one sample
  });

  it("texts of another length are not compared by entropy and repetition", () => {
    const short = { ...fine, length: 128, entropy: around(4.2, 0.01) };
    expect(findCollapse(short, beside()).collapsed).toBe(false);
  });

  it("perplexity below the references' needs its entropy", () => {
    const perplexity = { samples: 14.4, references: 14.8 };
    const poor = { ...fine, entropy: around(5.1, 0.01) };
    expect(findCollapse(poor, beside({ perplexity })).reasons).toEqual([
      expect.stringMatching(/^Perplexity, 14\.4, is below .* 14\.8, while entropy is 5\.10 nats/),
    ]);
    expect(
      findCollapse(poor, beside({ perplexity: { samples: 15, references: 14.8 } })).collapsed,
    ).toBe(false);
  });

  it("repetition must be above by more than 0.1, and beyond chance", () => {
    const repetitive = { ...fine, repetition: around(0.14, 0.01) };
    expect(findCollapse(repetitive, beside()).reasons).toEqual([
      "14% of a sample's 4-grams occurred earlier in it, of a reference's 3.0%.",
    ]);
    const unsure = { ...fine, repetition: around(0.14, 0.05) };
    expect(findCollapse(unsure, beside()).collapsed).toBe(false);
  });

  it("half of the distinct pairs is too little", () => {
    const distinct2 = { samples: 0.32, references: 0.65 };
    expect(findCollapse(fine, beside({ distinct2 })).reasons).toEqual([
      expect.stringMatching(/32% are distinct, in the references 65%/),
    ]);
  });
});

interface PaperRow {
  readonly sampler: string;
  readonly steps: number | null;
  readonly mauve: number;
  readonly genPpl: number;
  readonly entropy: number;
}

describe("the paper's own table", () => {
  const { rows } = readGolden("paper") as { rows: PaperRow[] };
  const text = rows.find(({ sampler }) => sampler === "data");

  it("has two rows whose perplexity was bought with diversity, and MAUVE fell in both", () => {
    const collapsed = rows.filter(({ genPpl, entropy }) => {
      const samples = { ...fine, entropy: around(entropy, 0.01) };
      const references = { ...real, entropy: around(text?.entropy ?? NaN, 0.01) };
      const perplexity = { samples: genPpl, references: text?.genPpl ?? NaN };
      return findCollapse(samples, beside({ references, perplexity })).collapsed;
    });
    expect(collapsed.map(({ sampler, steps }) => [sampler, steps])).toEqual([
      ["remdm-cap", 4096],
      ["remdm-rescale", 4096],
    ]);
    for (const { sampler, mauve } of collapsed) {
      const fewer = rows.find((row) => row.sampler === sampler && row.steps === 2048);
      expect(mauve).toBeLessThan(fewer?.mauve ?? 0);
    }
  });
});
