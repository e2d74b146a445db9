/** The settings in which results of a label differ, whatever they are called. */
import { expect, it } from "@jest/globals";
import { differing } from "../../../src/experiment/output/variants.ts";
import { differences, type Manifest } from "../../../src/experiment/run/manifest.ts";
import type { CellResult } from "../../../src/experiment/run/results.ts";

const result = (strategy: object) =>
  ({
    label: "a",
    model: "m",
    eta: null,
    topP: 1,
    samples: 2,
    settings: { strategy },
  }) as unknown as CellResult;

it("a setting that one of them lacks is no function of every object", () => {
  const same = [result({ constructor: 1 }), result({ constructor: 1 })];
  expect(differing(same, "a")).toEqual([]);
  expect(differing([...same, result({})], "a")).toEqual(["constructor"]);
});

it("a manifest that lacks such a setting has none", () => {
  const manifest = (settings: object) =>
    ({
      remdm: "1",
      name: "n",
      settings: {},
      models: { m: {} },
      cells: { c: { model: "m", settings } },
    }) as unknown as Manifest;
  const held = { cells: new Set(["c"]), results: [] };
  const found = differences(manifest({}), manifest({ constructor: 1 }), held);
  expect(found).toEqual(["c.settings.constructor was none and is 1"]);
  expect(
    differences(manifest({}), { ...manifest({}), cells: {} }, { ...held, cells: new Set(["c"]) }),
  ).toEqual(["c is gone"]);
});
