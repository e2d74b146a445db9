/** What is said of results: the paper beside them, the table, the lines of the charts, the estimate. */
import { describe, expect, it } from "@jest/globals";
import type { ModelCard } from "../../../src/backend/wire/protocol.ts";
import { expectedCalls, Estimate } from "../../../src/experiment/run/cost.ts";
import { spread } from "../../../src/experiment/report/charts/labels.ts";
import { drawLines } from "../../../src/experiment/report/charts/lineChart.ts";
import { paper, paperEta } from "../../../src/experiment/file/paper.ts";
import { isPaperJudge, paperRow } from "../../../src/experiment/run/paperRow.ts";
import { presetExperiment } from "../../../src/experiment/file/presets.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import type { CellResult } from "../../../src/experiment/run/results.ts";
import { chartSeries } from "../../../src/experiment/report/charts/series.ts";
import { tableOf } from "../../../src/experiment/output/table.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import { sample } from "../../../src/sampler/index.ts";
import { TableDenoiser } from "../../sampler/support/tableDenoiser.ts";
import { readGolden } from "../../support/golden.ts";

const PUBLISHED: ModelCard = {
  kind: "mdlm",
  name: "mdlm.ckpt",
  format: "lightning",
  architecture: "dit",
  weights: "ema",
  vocabSize: 50258,
  maskId: 50257,
  length: 1024,
  timeConditioning: false,
  subsMasking: false,
  hiddenSize: 768,
  blocks: 12,
  heads: 12,
  parameters: 169e6,
};

/** Of a checkpoint that says nothing of itself before it is loaded: any directory without a card. */
function cellOf(strategy: unknown, more: object = {}) {
  const models = [{ checkpoint: packageRoot, name: "demo", strategies: [strategy] }];
  return resolveExperiment({ name: "x", steps: 1024, models, ...more }).cells[0];
}

describe("the paper's row", () => {
  it.each([
    ["mdlm", "MDLM", 51.3],
    ["fb", "forward-backward", 33.8],
    ["dfm", "dfm", 21.7],
    ["remdm-cap", "remdm-cap", 27.7],
    ["remdm-rescale", "remdm-rescale", 27.4],
    ["remdm-loop", "remdm-loop", 28.6],
  ])("stands beside the preset %s on the published model", (preset, sampler, genPpl) => {
    const [cell] = resolveExperiment(presetExperiment(preset, { checkpoint: "demo" })).cells;
    expect(paperRow(cell, PUBLISHED)).toMatchObject({ sampler, genPpl, steps: 1024 });
  });

  it("knows SEDD and AR by the model's kind", () => {
    const sedd = cellOf("analytic", { steps: 256 });
    expect(paperRow(sedd, { ...PUBLISHED, kind: "sedd" })?.genPpl).toBe(110.1);
    expect(paperRow(sedd, PUBLISHED)).toBeUndefined();
    expect(paperRow(cellOf("ar"), { ...PUBLISHED, kind: "ar" })?.genPpl).toBe(12.1);
  });

  it("is that of its judge only where the judge has GPT-2 large's shape", () => {
    const shape = { hiddenSize: 1280, blocks: 36, vocabSize: 50257 };
    expect(isPaperJudge(shape)).toBe(true);
    expect(isPaperJudge({ ...shape, hiddenSize: 768 })).toBe(false);
    expect(isPaperJudge(null)).toBe(false);
  });

  it("takes its eta from the paper's numbers", () => {
    const { stepsFrom1024, stepsTo512 } = paper().setting.eta;
    for (const name of ["remdm-cap", "remdm-rescale", "remdm-loop"] as const) {
      expect(paperEta(name, 1024)).toBe(stepsFrom1024[name]);
      expect(paperEta(name, 512)).toBe(stepsTo512[name]);
      expect(paperEta(name, 700)).toBeUndefined();
    }
    expect(paperEta("mdlm", 1024)).toBeUndefined();
  });

  it.each([
    ["a small model", "mdlm", {}, { hiddenSize: 160, vocabSize: 1025, length: 128 }],
    ["raw weights", "mdlm", {}, { weights: "raw" as const }],
    ["another length", "mdlm", { length: 512 }, {}],
    ["another nucleus", "mdlm", { topP: 1 }, {}],
    ["a temperature", "mdlm", { temperature: 0.9 }, {}],
    ["top-k", "mdlm", { topK: 50 }, {}],
    ["another number of steps", "mdlm", { steps: 100 }, {}],
    ["another eta", { name: "remdm-cap", eta: 0.01 }, {}, {}],
    ["the other eta", { name: "remdm-cap", eta: 0.04 }, {}, {}],
    ["another plateau", { name: "remdm-loop", tOn: 0.6 }, {}, {}],
    ["a strategy that it lacks", "remdm-conf", {}, {}],
  ])("does not stand beside %s", (_, strategy, more, card) => {
    expect(paperRow(cellOf(strategy, more), { ...PUBLISHED, ...card })).toBeUndefined();
  });

  it("is the golden one", () => {
    expect(paper()).toEqual(readGolden("paper"));
  });
});

describe("the estimate", () => {
  const gridded = [
    "mdlm",
    "forward-backward",
    "dfm",
    "remdm-cap",
    "remdm-loop",
    "remdm-conf",
    "psi",
  ];
  const timed = [{ name: "first-hitting" }, { name: "first-hitting", rate: 3, tSwitch: 0.6 }];
  it.each<string | { readonly name: string }>([...gridded, ...timed])(
    "expects the calls that %j makes",
    async (entry) => {
      const samples = 300;
      const cell = cellOf(entry, { steps: 12, length: 10 });
      const { strategy } = cell;
      const steps = typeof entry === "string" ? { steps: 12 } : {};
      const options = { strategy, ...steps, samples, batchSize: 1, topP: 1, seed: 7 };
      const { stats } = await sample(new TableDenoiser(10), options);
      const measured = stats.forwardCalls / samples;
      expect(expectedCalls(cell, 10) / measured).toBeGreaterThan(0.85);
      expect(expectedCalls(cell, 10) / measured).toBeLessThan(1.15);
    },
  );

  it("counts evaluating from the references on, takes better costs, and does not go back", () => {
    const estimate = new Estimate(
      new Map([
        ["a", { model: "m", units: 100, samples: 10 }],
        ["b", { model: "m", units: 100, samples: 10 }],
      ]),
    );
    estimate.judged(10, 50); // five seconds a text
    estimate.sampled("a", 0, 100);
    expect(estimate.secondsLeft).toBeCloseTo(50 + 100 + 50);
    expect(estimate.share).toBeCloseTo(100 / 300);
    estimate.resize("b", 1000);
    expect(estimate.secondsLeft).toBeCloseTo(50 + 1000 + 50);
    expect(estimate.share).toBeCloseTo(100 / 300);
  });

  it("goes by what was measured, model by model", () => {
    const work = (model: string) => ({ model, units: 100, samples: 10 });
    const estimate = new Estimate(
      new Map([
        ["a1", work("a")],
        ["a2", work("a")],
        ["b1", work("b")],
      ]),
    );
    expect(estimate.secondsLeft).toBeUndefined();
    estimate.sampled("a1", 0.5, 25); // half a second a unit
    expect(estimate.secondsLeft).toBeCloseTo(0.5 * 250);
    expect(estimate.share).toBeCloseTo(50 / 300);
    estimate.sampled("a1", 0, 25);
    estimate.evaluated("a1", 20); // two seconds a sample
    expect(estimate.secondsLeft).toBeCloseTo(0.5 * 200 + 2 * 20);
    estimate.sampled("b1", 0.9, 10); // b is slower: one second a unit
    expect(estimate.secondsLeft).toBeCloseTo(0.5 * 100 + 1 * 90 + 2 * 20);
    estimate.skip("b1");
    expect(estimate.secondsLeft).toBeCloseTo(0.5 * 100 + 2 * 10);
  });
});

function result(label: string, steps: number | null, ppl: number, more: object = {}): CellResult {
  return {
    cell: `m_${label}_T${steps}`,
    model: "m",
    label,
    steps,
    eta: null,
    topP: 0.9,
    seed: 1,
    samples: 8,
    settings: {},
    card: { kind: "mdlm", parameters: 1, vocabSize: 2, length: 8, weights: "ema" },
    judge: null,
    forwardCalls: 7.4,
    evaluation: {
      samples: 8,
      entropy: { mean: 5, standardError: 0.1 },
      genPpl: { value: ppl, standardError: null },
      distinct2: 0.5,
      repetition: 0.015,
      collapse: { collapsed: ppl < 5, reasons: ["Entropy is low."] },
    },
    paper: null,
    ...more,
  } as unknown as CellResult;
}

const GPT2_LARGE = { name: "gpt2-large", hiddenSize: 1280, blocks: 36, vocabSize: 50257 };
const pointAt = (steps: number | undefined, collapsed: boolean) => ({
  ...{ steps, value: 5, low: 4, high: 6 },
  collapsed,
});
const perplexity = ({ evaluation: { genPpl } }: CellResult) =>
  genPpl && { value: genPpl.value, error: genPpl.standardError };

describe("table and lines", () => {
  it("says of each cell what a tokenizer did not know", () => {
    const one = result("mdlm", 8, 30);
    const evaluation = { ...one.evaluation, unknownPieces: 3, references: { unknownPieces: 1 } };
    const table = tableOf("t", [{ ...one, evaluation } as unknown as CellResult]);
    expect(table).toContain("m_mdlm_T8: 3 pieces of the samples became the unknown token");
    expect(table).toContain("m_mdlm_T8: 1 piece of the references became the unknown token");
  });

  it("names the judge, MAUVE's settings and what all rows share", () => {
    const mauve = {
      ...{ mean: 0.5, standardDeviation: 0.01, references: 40, seeds: [1, 2], scale: 5 },
      ...{ scores: [0.5], judge: "gpt2-large" },
    };
    const one = result("mdlm", 8, 30, { judge: GPT2_LARGE });
    const table = tableOf("t", [{ ...one, evaluation: { ...one.evaluation, mauve } }]);
    expect(table).toContain(
      "Judge: gpt2-large. MAUVE: scale 5, k-means seeds 1, 2, 40 references. All rows: top-p 0.9, seed 1, 8 tokens a sample.",
    );
    expect(table).toContain("not the error from few samples, which is larger");
    const two = tableOf("t", [one, result("mdlm", 8, 31, { seed: 2 })]);
    expect(two).toContain("All rows: top-p 0.9, 8 tokens a sample.");
  });

  it("keeps settings apart that are no seeds: in the lines' names, and in columns", () => {
    const loop = (tOn: number, steps = 8) =>
      result("loop", steps, 10 + tOn, {
        settings: { strategy: { kind: "remdm-loop", eta: 0.02, tOn }, length: 64 },
        eta: 0.02,
      });
    const results = [loop(0.5), loop(0.6), loop(0.5, 16)];
    const series = chartSeries(results, perplexity);
    expect(series.map(({ name, points }) => [name, points.length])).toEqual([
      ["loop, tOn 0.5", 2],
      ["loop, tOn 0.6", 1],
    ]);
    expect(tableOf("t", results)).toContain("| model | strategy | steps | tOn |");
    const lengths = [64, 128].map((length) => result("mdlm", 8, 9, { settings: { length } }));
    expect(chartSeries(lengths, perplexity).map(({ name }) => name)).toEqual([
      "mdlm, length 64",
      "mdlm, length 128",
    ]);
    expect(tableOf("t", lengths)).toContain("| length |");
  });

  it("has a column for temperature and top-k where they vary, and a note where they do not", () => {
    const cooler = { settings: { temperature: 0.7 } };
    const results = [result("a", 8, 9), result("b", 8, 9, cooler), result("b", 8, 9)];
    const varied = tableOf("t", results);
    expect(varied).toContain("| model | strategy | steps | temperature |");
    expect(varied).toContain("| m | a | 8 | 1 |");
    expect(varied).toContain("| m | b | 8 | 0.7 |");
    expect(chartSeries(results, perplexity).map(({ name }) => name)).toEqual([
      "a",
      "b, temperature 0.7",
      "b, temperature 1",
    ]);
    const fifty = tableOf("t", [result("a", 8, 9, { settings: { topK: 50 } }), result("a", 16, 9)]);
    expect(fifty).toMatch(/\| top-k \|[^]*\| m \| a \| 8 \| 50 \|[^]*\| m \| a \| 16 \| all \|/);
    const same = tableOf("t", [result("a", 8, 9, { settings: { temperature: 0.7, topK: 50 } })]);
    expect(same).toContain("All rows: top-p 0.9, temperature 0.7, top-k 50, seed 1");
  });

  it("is one row a cell, whatever is in a label", () => {
    expect(tableOf("t", [result("two\nlines", 8, 30)])).toContain("| m | two lines | 8 |");
  });

  it("leaves out what nobody has, and flags a collapse beside its perplexity", () => {
    const table = tableOf("t", [result("mdlm", 8, 30), result("a|b", 16, 3.1)]);
    expect(table).toContain("| m | mdlm | 8 | 30.0 | 5.00 ± 0.10 | 0.500 | 1.5% | 7 |  |");
    expect(table).toContain(
      "| m | a\\|b | 16 | 3.1 | 5.00 ± 0.10 | 0.500 | 1.5% | 7 | **collapsed** |",
    );
    expect(table).toContain("m_a|b_T16 has collapsed: Entropy is low.");
    expect(table).not.toMatch(/MAUVE|paper|known words|NaN|null/);
  });

  it("shows the paper's numbers beside ours", () => {
    const row = { sampler: "MDLM", steps: 8, mauve: 0.042, genPpl: 51.3, entropy: 5.46 };
    const table = tableOf("t", [result("mdlm", 8, 50, { paper: row, judge: GPT2_LARGE })]);
    expect(table).toContain("| 0.042 | 51.3 | 5.46 |");
    expect(table).toContain("arXiv 2503.00307");
  });

  it("shows of the paper's numbers only the entropy beside those of another judge, or of none", () => {
    const row = { sampler: "MDLM", steps: 8, mauve: 0.042, genPpl: 51.3, entropy: 5.46 };
    for (const judge of [{ ...GPT2_LARGE, blocks: 12 }, null]) {
      const table = tableOf("t", [result("mdlm", 8, 50, { paper: row, judge })]);
      expect(table).toContain("| 5.46 |");
      expect(table).not.toMatch(/51\.3|0\.042/);
    }
  });

  it("makes one point of seeds, with the deviation between them, and one line of an eta a step", () => {
    const series = chartSeries(
      [
        result("cap", 8, 10, { seed: 1, eta: 0.04 }),
        result("cap", 8, 14, { seed: 2, eta: 0.04 }),
        result("cap", 1024, 9, { eta: 0.008 }),
        result("ar", null, 6),
      ],
      perplexity,
    );
    expect(series.map(({ name }) => name)).toEqual(["cap", "ar"]);
    expect(series[0].points[0]).toMatchObject({ steps: 8, value: 12 });
    expect(series[0].points[0].high).toBeCloseTo(12 + Math.SQRT2 * 2);
    expect(series[1].points[0].steps).toBeUndefined();
    const two = chartSeries(
      [result("cap", 8, 10, { eta: 0.1 }), result("cap", 8, 9, { eta: 0.2 })],
      perplexity,
    );
    expect(two.map(({ name }) => name)).toEqual(["cap, eta 0.1", "cap, eta 0.2"]);
  });

  it("draws the point of a strategy without steps: dot, bar and, where it collapsed, ring", async () => {
    const metric = { file: "f", title: "t", axis: "a", from: perplexity };
    const mdlm = { name: "mdlm", points: [8, 16].map((steps) => pointAt(steps, false)) };
    const ar = (collapsed: boolean) => ({ name: "ar", points: [pointAt(undefined, collapsed)] });
    const paths = async (...series: Parameters<typeof drawLines>[1]) =>
      (await drawLines(metric, series, undefined)).wide.svg.match(/<(path|line|circle)[ >]/g)
        ?.length ?? 0;
    const [none, sound, collapsed] = [
      await paths(mdlm),
      await paths(mdlm, ar(false)),
      await paths(mdlm, ar(true)),
    ];
    expect(sound - none).toBe(4); // level line, bar, dot, and the line to its name
    expect(collapsed - sound).toBe(1);
  });

  it("writes numbers on its axes as people do", async () => {
    const metric = { file: "f", title: "t", axis: "a", from: perplexity };
    const values = [62.5, 140];
    const points = values.map((value, i) => ({
      ...pointAt(8 << i, false),
      value,
      low: value,
      high: value,
    }));
    const { wide } = await drawLines(metric, [{ name: "mdlm", points }], undefined);
    const { svg } = wide;
    const numbers = [...svg.matchAll(/>([\d.,e+]+)<\/text>/g)].map(([, number]) => number);
    expect(numbers).toEqual(expect.arrayContaining(["80", "100", "120", "140", "8", "16"]));
    expect(numbers.filter((number) => number.includes("e"))).toEqual([]);
  });

  it("keeps labels apart, in order and within bounds", () => {
    const places = spread([50, 52, 51, 200, 399, 400], 15, 40, 400);
    const sorted = [...places].sort((a, b) => a - b);
    for (let i = 1; i < sorted.length; i++)
      expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(15 - 1e-9);
    expect(sorted[0]).toBeGreaterThanOrEqual(40);
    expect(sorted.at(-1)).toBeLessThanOrEqual(400);
    expect(places[0]).toBeLessThan(places[2]);
    expect(places[3]).toBe(200);
  });
});
