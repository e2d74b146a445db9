/** What an experiment says of the options of strategies, and of tokens that are not to come. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { describe, expect, it } from "@jest/globals";
import { describe as settingsOf } from "../../../src/experiment/run/manifest.ts";
import { samplerOptionsOf } from "../../../src/experiment/file/cell.ts";
import { checkCellOf, resolveExperiment } from "../../../src/experiment/file/read.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";
import { Source } from "../../../src/experiment/file/source.ts";
import { BUILT_IN, modelsOf } from "../../../src/sampler/strategies/builtIn.ts";
import type { StrategyOption } from "../../../src/sampler/optionTable.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";

function cellsOf(strategies: readonly unknown[], more: object = {}) {
  return resolveExperiment({
    name: "options",
    steps: [8, 16],
    models: [{ checkpoint: "demo", strategies }],
    ...more,
  }).cells;
}
const ids = (...given: Parameters<typeof cellsOf>) => cellsOf(...given).map(({ id }) => id);
const one = { steps: 8 };

describe("options of a built-in strategy", () => {
  /** A value that is not the default. */
  function valueOf(option: StrategyOption): unknown {
    switch (option.type) {
      case "number":
      case "integer":
        return option.default; // its range may depend on others
      case "flag":
        return !option.default;
      case "choice":
        return option.choices.at(-1);
      case "integers":
        return [60, 68];
      case "variant":
        return Object.keys(option.variants).at(-1);
    }
  }
  const named = BUILT_IN.filter((definition) => modelsOf(definition).includes("mdlm"))
    .map(({ kind, options = {} }) => ({ kind, options: Object.entries(options) }))
    .filter(({ kind, options }) => options.length > 0 && kind !== "editing");

  it.each(named)("of $kind are all sayable", ({ kind, options }) => {
    const name = kind === "remdm" ? "remdm-max" : kind;
    for (const [option, table] of options) {
      const given = valueOf(table);
      const said = table.type === "variant" ? { kind: given } : given;
      const [{ strategy, given: names }] = cellsOf([{ name, options: { [option]: given } }]);
      expect(strategy).toMatchObject({ kind, [option]: said });
      expect(names).toEqual([option]);
    }
  });

  it("may be records, in full or by their kind, with notes in them", () => {
    const window = { kind: "loop", tOn: 0.6, "x-why": "later" };
    const strategies = [
      { name: "confidence", etaCap: 0.04, options: { window: "loop", "x-note": "short" } },
      { name: "confidence", etaCap: 0.04, options: { window } },
      { name: "psi", options: { high: { kind: "rescaled", eta: 0.1 }, low: "capped" } },
    ];
    const cells = cellsOf(strategies, one);
    expect(cells.map(({ strategy }) => strategy)).toMatchObject([
      { cap: 0.04, window: { kind: "loop", tOn: 0.55, tOff: 0.05, alphaOn: 0.9 } },
      { cap: 0.04, window: { kind: "loop", tOn: 0.6, tOff: 0.05, alphaOn: 0.9 } },
      { high: { kind: "rescaled", eta: 0.1 }, low: { kind: "capped", eta: 0.01 } },
    ]);
    expect(cells.map(({ id }) => id)).toEqual([
      "demo_confidence-etaCap0.04-windowloop_T8_p0.9_seed1",
      "demo_confidence-etaCap0.04-windowloop+tOn0.6_T8_p0.9_seed1",
      "demo_psi-highrescaled+eta0.1-lowcapped_T8_p0.9_seed1",
    ]);
  });

  it("of counts say the number of steps, which is not inherited", () => {
    const counts = { name: "confidence", options: { counts: [64, 32, 32] } };
    const [cell, ...others] = cellsOf([counts]);
    expect(others).toEqual([]);
    expect(cell).toMatchObject({ id: "demo_confidence-counts64-32-32_T3_p0.9_seed1", steps: 3 });
    expect(samplerOptionsOf(cell)).toMatchObject({ steps: 3, strategy: { counts: [64, 32, 32] } });
  });
});

describe("a list of values", () => {
  it("makes a cell of each, among the options and beside the name", () => {
    const tau = [0.5, 0.9];
    const expected = tau.map((value) => `demo_threshold-tau${value}_p0.9_seed1`);
    expect(ids([{ name: "threshold", options: { tau } }])).toEqual(expected);
    expect(ids([{ name: "threshold", tau }])).toEqual(expected);
    const both = { name: "p2", options: { eta: [0.5, 1], of: ["likeliest", "drawn"] } };
    expect(ids([both], one)).toEqual([
      "demo_p2-eta0.5-oflikeliest_T8_p0.9_seed1",
      "demo_p2-eta0.5-ofdrawn_T8_p0.9_seed1",
      "demo_p2-eta1-oflikeliest_T8_p0.9_seed1",
      "demo_p2-eta1-ofdrawn_T8_p0.9_seed1",
    ]);
  });

  it("of lists and of records does the same", () => {
    const counts = { name: "margin", options: { counts: [[64, 64], Array(128).fill(1)] } };
    const [short, long] = cellsOf([counts]);
    expect(short.id).toBe("demo_margin-counts64-64_T2_p0.9_seed1");
    expect(long.id).toMatch(/^demo_margin-counts[0-9a-f]{8}_T128_p0.9_seed1$/);
    const window = ["switch", { kind: "switch", tSwitch: 0.3 }];
    expect(ids([{ name: "remdm-max", options: { window } }], one)).toEqual([
      "demo_remdm-max-windowswitch_T8_p0.9_seed1",
      "demo_remdm-max-windowswitch+tSwitch0.3_T8_p0.9_seed1",
    ]);
  });
});

describe("a strategy that takes no steps", () => {
  const untimed = ["threshold", "factor", "entropy-bounded", "first-hitting"];

  it("does not inherit them from the top or from its model", () => {
    const models = [{ checkpoint: "demo", steps: [4, 5, 6], strategies: untimed }];
    const cells = resolveExperiment({ name: "x", steps: [1, 2], models }).cells;
    expect(cells.map(({ id, steps }) => [id, steps])).toEqual(
      untimed.map((name) => [`demo_${name}_p0.9_seed1`, undefined]),
    );
  });

  it.each([...untimed, "ar"])("is refused with steps of its own: %s", (name) => {
    const checkpoint = name === "ar" ? "demo-ar" : "demo";
    const models = [{ checkpoint, strategies: [{ name, steps: [8, 16] }] }];
    expect(() => cellsOf([], { models })).toThrow(
      expect.objectContaining({
        code: "experiment_invalid",
        message: `the experiment: models[0].strategies[0].steps stands beside ${name}, whose number of steps follows from its options or its rows`,
        remedy: expect.stringMatching(/^Leave it out here\./),
      }),
    );
  });
});

describe("what is wrong is named with its place", () => {
  const place = /^the experiment: models\[0\]\.strategies\[0\]/.source;
  it.each<[object, RegExp]>([
    [{ name: "confidence", steps: 3, options: { counts: [64, 64] } }, /\.steps stands beside conf/],
    [
      { name: "confidence", options: { counts: [] } },
      /\.options\.counts is an empty list of count/,
    ],
    [{ name: "confidence", options: { counts: [[]] } }, /: counts must be a list of integers in/],
    [{ name: "confidence", options: { counts: [1.5] } }, /: counts must be a list of integers in/],
    [{ name: "confidence", options: { counts: 8 } }, /: counts must be a list of integers in/],
    [{ name: "threshold", options: { tau: [] } }, /\.options\.tau is an empty list of tau/],
    [{ name: "threshold", tau: [] }, /\.tau is an empty list of tau/],
    [
      { name: "threshold", options: { tau: [0.5, 7] } },
      /: tau must be a number in \[0, 1\]; got 7/,
    ],
    [{ name: "threshold", options: { tau: [0.5, 0.5] } }, /gives .*which it gave already/],
    [{ name: "psi", options: { high: "constnat" } }, /: high.kind must be one of constant, capped/],
    [{ name: "psi", options: { high: { kind: "capped", eta: 2 } } }, /: high.eta must be a number/],
    [
      { name: "confidence", etaCap: 0.1, options: { cap: 0.2 } },
      /\.options\.cap stands beside the/,
    ],
    [{ name: "remdm-cap+conf", eta: 0.1, options: { cap: 0.2 } }, /\.options\.cap stands beside/],
    [
      { name: "remdm-cap+loop", options: { window: "switch" } },
      /\.options\.window is said by the n/,
    ],
    [{ name: "ddpm", topP: 0.5 }, /\.topP stands beside ddpm, which has no nucleus/],
    [{ name: "first-hitting", eta: "paper" }, /\.eta is paper, which has none for first-hitting/],
    [
      { name: "mdlm", suppressed: [3] },
      /: suppressed must be undefined with a strategy that draws/,
    ],
    [{ name: "mdlm", banned: [-1] }, /: banned must be token ids in \[0, /],
    [{ name: "mdlm", executor: "dense", banned: ["a"] }, /: banned must be undefined with exec/],
    [{ name: "mdlm", banned: [null] }, /\.banned\[0\] is null/],
  ])("%j", (strategy, message) => {
    expect(() => cellsOf([strategy], one)).toThrow(
      expect.objectContaining({
        code: "experiment_invalid",
        message: expect.stringMatching(new RegExp(place + ".*" + message.source)),
      }),
    );
  });
});

describe("banned and suppressed tokens", () => {
  it("stand anywhere, and the nearer ones count", () => {
    const cells = cellsOf(["margin", { name: "margin", label: "own", banned: [7] }], {
      ...one,
      banned: [5, "e"],
      suppressed: [3],
    });
    expect(cells.map(samplerOptionsOf)).toMatchObject([
      { banned: [5, "e"], suppressed: [3] },
      { banned: [7], suppressed: [3] },
    ]);
    expect(cells.map(settingsOf)).toMatchObject([
      { banned: [5, "e"], suppressed: [3] },
      { banned: [7], suppressed: [3] },
    ]);
    expect(cells.map(({ id }) => id)).toEqual([
      "demo_margin_T8_p0.9_ban5-e_suppress3_seed1",
      "demo_own_T8_p0.9_ban7_suppress3_seed1",
    ]);
  });

  it("are nowhere where the file says none, and suppressed ones not for draw-first strategies", () => {
    const [plain] = cellsOf(["margin"], one);
    expect(samplerOptionsOf(plain)).not.toHaveProperty("banned");
    expect(settingsOf(plain)).not.toHaveProperty("banned");
    const [mdlm] = cellsOf(["mdlm"], { ...one, suppressed: [3] });
    expect(mdlm).toMatchObject({ id: "demo_mdlm_T8_p0.9_seed1", suppressed: [] });
  });

  it("that texts name are looked up in the tokenizer once a model is there", async () => {
    const letters: Pick<Tokenizer, "name" | "encode" | "decode"> = {
      name: "letters",
      encode: (text) => Promise.resolve(Array.from(text, (letter) => letter.charCodeAt(0) - 97)),
      decode: (tokens) => Array.from(tokens, (id) => "abcde"[id]).join(""),
    };
    const model = { kind: "mdlm", vocabSize: 6, maskId: 5, length: 12, timeConditioning: false };
    const loaded = { model, tokenizer: letters } as unknown as Parameters<typeof checkCellOf>[1];
    const source = new Source("the experiment");
    const [good, long, far] = cellsOf(
      [["e"], ["ab"], [9]].map((banned, i) => ({ name: "margin", label: `l${i}`, banned })),
      { ...one, length: 12 },
    );
    await checkCellOf(good, loaded, source);
    const place = "the experiment: models\\[0\\]\\.strategies\\[";
    await expect(checkCellOf(long, loaded, source)).rejects.toThrow(
      new RegExp(`^${place}1\\].*: banned must be a text that is one token of letters`),
    );
    await expect(checkCellOf(far, loaded, source)).rejects.toThrow(
      new RegExp(`^${place}2\\].*: banned must be token ids in \\[0, 5\\]`),
    );
  });
});

describe("docs/experiments.md", () => {
  const page = readFileSync(join(packageRoot, "docs", "experiments.md"), "utf8");

  it("names every key that a strategy may have", () => {
    const schema = readFileSync(join(packageRoot, "schemas", "experiment.json"), "utf8");
    const { definitions } = JSON.parse(schema) as {
      definitions: { StrategyEntry: { properties: object } };
    };
    const keys = Object.keys(definitions.StrategyEntry.properties);
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
  });

  it("shows lists of options that make the cells it says", () => {
    const [, block = ""] = /```yaml\n(strategies:\n[^`]*)```/.exec(page) ?? [];
    const { strategies } = parse(block) as { strategies: readonly unknown[] };
    expect(
      strategies.map((strategy) => cellsOf([strategy], { ...one, length: 32 }).length),
    ).toEqual([6, 2, 2]);
  });
});
