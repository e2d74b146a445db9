/** Options of strategies in tables, notes and the names of lines. */
import { describe, expect, it } from "@jest/globals";
import type { ModelCard } from "../../../src/backend/wire/protocol.ts";
import type { Evaluation } from "../../../src/evaluation/evaluation.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import { tableOf, tableParts } from "../../../src/experiment/output/table.ts";
import { chartSeries } from "../../../src/experiment/report/charts/series.ts";
import { resultOf, type CellResult } from "../../../src/experiment/run/results.ts";

/** Makes results of an experiment as a run does, with one measured number. */
function resultsOf(strategies: readonly unknown[], more: object = {}): CellResult[] {
  const models = [{ checkpoint: "demo", strategies }];
  const { cells } = resolveExperiment({ name: "x", steps: 8, models, ...more });
  const card = { kind: "mdlm", parameters: 1, vocabSize: 9, length: 128, weights: "ema" };
  const evaluation = {
    entropy: { mean: 5, standardError: 0.1 },
    collapse: { collapsed: false, reasons: [] },
  };
  return cells.map((cell) =>
    resultOf(
      cell,
      card as unknown as ModelCard,
      [{ sample: 0, tokens: [1], text: "a", forwardCalls: 1 }],
      evaluation as unknown as Evaluation,
      undefined,
    ),
  );
}

/** Gives the fields of a column, row by row; undefined: there is no such column. */
function column(results: readonly CellResult[], title: string): string[] | undefined {
  const { titles, rows } = tableParts(results);
  const at = titles.findIndex((one) => one.title === title);
  return at < 0 ? undefined : rows.map((row) => row[at]);
}

const names = (results: readonly CellResult[]) =>
  chartSeries(results, () => ({ value: 1, error: null })).map(({ name }) => name);

describe("a table", () => {
  it("has a column for what is given, with the defaults beside it", () => {
    const results = resultsOf([
      "mdlm",
      "threshold",
      { name: "threshold", options: { tau: [0.5, 0.7] } },
      { name: "factor", label: "f", options: { factor: 1 } },
      { name: "confidence", options: { of: "drawn" } },
      { name: "confidence", label: "plain" },
    ]);
    expect(column(results, "tau")).toEqual(["", "0.9", "0.5", "0.7", "", "", ""]);
    expect(column(results, "factor")).toEqual(["", "", "", "", "1", "", ""]);
    expect(column(results, "of")).toEqual([
      ...["", "likeliest", "likeliest", "likeliest"],
      ...["likeliest", "drawn", "likeliest"],
    ]);
    expect(tableOf("t", results)).not.toMatch(/\| (orderTemperature|pace|cap) \|/);
  });

  it("has a note for what all rows share, the default that the file names too", () => {
    const shared = (strategy: unknown) => tableOf("t", resultsOf([strategy], { steps: [8, 16] }));
    expect(shared({ name: "psi", kappa: 0.99 })).toContain("All rows: kappa 0.99, top-p 0.9");
    expect(shared({ name: "entropy-bounded", options: { gamma: 1 } })).toContain(": gamma 1, top-");
    expect(shared("psi")).toContain("All rows: top-p 0.9");
  });

  it("writes lists and records, and none for what is left out", () => {
    const results = resultsOf([
      { name: "margin", options: { counts: [64, 64] } },
      { name: "margin", options: { window: { kind: "switch", tSwitch: 0.3 } } },
    ]);
    expect(column(results, "counts")).toEqual(["64,64", "none"]);
    expect(column(results, "window")).toEqual(["none", "switch (tSwitch 0.3)"]);
    expect(column(results, "steps")).toEqual(["2", "8"]);
  });

  it("does not put the eta of p2, a weight, under the eta of ReMDM, a chance", () => {
    const mixed = resultsOf([
      { name: "p2", eta: 0.5 },
      { name: "remdm-cap", eta: 0.04 },
      "remdm-cap+conf",
      { name: "remdm-rescale+loop", eta: 0.2 },
    ]);
    expect(column(mixed, "eta (p2)")).toEqual(["0.5", "", "", ""]);
    expect(column(mixed, "eta (remdm-cap, remdm)")).toEqual(["", "0.04", "0.008", "0.2"]);
    expect(column(mixed, "cap")).toBeUndefined();
    expect(column(mixed, "eta")).toBeUndefined();
    expect(column(resultsOf([{ name: "p2", eta: [0.5, 1] }]), "eta")).toEqual(["0.5", "1"]);
  });

  it("shows tokens that are not to come, in columns or in the note", () => {
    const results = resultsOf(["mdlm", { name: "margin", banned: [3, "e"], suppressed: [4] }]);
    expect(column(results, "banned")).toEqual(["none", "3,e"]);
    expect(column(results, "suppressed")).toEqual(["none", "4"]);
    const all = tableOf("t", resultsOf(["mdlm", "margin"], { banned: [3] }));
    expect(all).toContain("banned 3, seed 1");
  });

  it("of results of earlier versions, which do not say what was given, shows what is unusual", () => {
    const strategies = [{ name: "threshold", options: { tau: 0.7 } }, "factor"];
    const before = resultsOf(strategies).map((result): CellResult => {
      const entries = Object.entries(result);
      const old = entries.filter(([key]) => key !== "given" && key !== "isLabelled");
      return Object.fromEntries(old) as unknown as CellResult;
    });
    expect(column(before, "tau")).toEqual(["0.7", ""]);
    expect(column(before, "factor")).toBeUndefined();
    expect(names(before)).toEqual(["threshold", "factor"]);
  });
});

describe("the name of a line", () => {
  it("has the options that the file gives, unless it gives a label", () => {
    const psi = { name: "psi", options: { kappa: 0.9 } };
    expect(names(resultsOf([psi, { ...psi, label: "mixed" }, "factor"]))).toEqual([
      "psi, kappa 0.9",
      "mixed",
      "factor",
    ]);
  });

  it("tells the values of a list apart, and never says none", () => {
    const strategies = [
      { name: "confidence", options: { of: "drawn" } },
      { name: "confidence", label: "confidence", etaCap: 0.04 },
      { name: "margin", options: { counts: [[64, 64], [128]] } },
      { name: "margin", label: "margin" },
    ];
    expect(names(resultsOf(strategies))).toEqual([
      "confidence, of drawn, cap 0",
      "confidence, of likeliest, cap 0.04",
      "margin, counts 64,64",
      "margin, counts 128",
      "margin",
    ]);
  });

  it("leaves out the paper's eta, which follows from the steps", () => {
    const cap = { name: "remdm-cap", eta: "paper" };
    expect(names(resultsOf([cap], { steps: [512, 1024] }))).toEqual(["remdm-cap"]);
    expect(names(resultsOf([{ ...cap, eta: 0.1 }], { steps: [8, 16] }))).toEqual([
      "remdm-cap, eta 0.1",
    ]);
  });
});
