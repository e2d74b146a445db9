/** The tables of strategies in the README and in docs/orders.md are those that their definitions give. */
import { describe, expect, it } from "@jest/globals";
import { ordersTableOf, pages, tableOf } from "../../scripts/strategyTable.mjs";
import { defineStrategy } from "../../src/sampler/definition.ts";
import { BUILT_IN, DEFAULT_STRATEGIES, KINDS } from "../../src/sampler/strategies/builtIn.ts";

const about = { source: "a paper", summary: "a | b", transition: () => ({ reveal: 1, remask: 0 }) };

describe("the table of strategies", () => {
  const [readme, orders] = pages({ BUILT_IN, DEFAULT_STRATEGIES });

  it("in README.md is made from the definitions (npm run strategies)", () => {
    expect(readme.written).toBe(readme.made);
    for (const kind of KINDS) expect(readme.written).toContain(`\n| \`${kind}\` | `);
  });

  it("in docs/orders.md too, with every option of those that ask first", () => {
    expect(orders.written).toBe(orders.made);
    for (const name of ["of", "tau", "gamma", "window"]) {
      expect(orders.written).toContain(`\n| \`${name}\` | `);
    }
    expect(orders.written).not.toContain("\n| `kappa` | ");
  });

  it("names an option once, with its flag and the strategies that share it", () => {
    const number = { type: "number", default: 1, range: "[0, 1]", help: "h" } as const;
    const select = () => ({ reveal: [] });
    const options = {
      cap: { ...number, setting: "etaCap" },
      wild: { type: "flag", default: false, help: "w" },
    } as const;
    const shared = { source: "a paper", summary: "a", statistics: ["max"], select } as const;
    const one = defineStrategy({ ...shared, kind: "one", options }).definition;
    const two = defineStrategy({
      ...shared,
      kind: "two",
      options: { cap: options.cap },
    }).definition;
    const strategies = { BUILT_IN: [one, two], DEFAULT_STRATEGIES: {} };
    expect(ordersTableOf(strategies).split("\n").slice(2)).toEqual([
      "| `cap` | `--eta-cap` | [0, 1] (1) | h | one, two |",
      "| `wild` |  | true or false (false) | w | one |",
      "",
    ]);
    expect(tableOf(strategies)).toContain("| `one` | a | `cap`, `wild` | mdlm | a paper |");
  });

  it("has one row for each kind, with the models that it is the default of", () => {
    const first = defineStrategy({ ...about, kind: "one" }).definition;
    const second = defineStrategy({ ...about, kind: "one", models: ["sedd"] }).definition;
    const strategies = { BUILT_IN: [first, second], DEFAULT_STRATEGIES: { sedd: second } };
    expect(tableOf(strategies).split("\n").slice(2)).toEqual([
      "| `one` | a \\| b |  | mdlm, sedd (default) | a paper |",
      "",
    ]);
  });

  it("shows the range and the default of every type of option", () => {
    const { definition } = defineStrategy({
      ...about,
      kind: "all",
      options: {
        eta: { type: "number", default: 0.5, range: "[0, 1]", shown: "[0, max]", help: "so" },
        count: { type: "integer", default: 2, range: "[1, 9]", help: "so" },
        quick: { type: "flag", default: false, help: "so" },
        shape: { type: "choice", choices: ["round", "square"], help: "so" },
        when: {
          type: "variant",
          variants: { late: { t: { type: "number", default: 0.1, range: "(0, 1)", help: "so" } } },
          help: "so",
        },
      },
    });
    expect(tableOf({ BUILT_IN: [definition], DEFAULT_STRATEGIES: {} })).toContain(
      "| `eta`: [0, max] (0.5); `count`: [1, 9] (2); `quick`: true or false (false); " +
        "`shape`: round, square (round); `when`: `late` with `t`: (0, 1) (0.1) |",
    );
  });
});
