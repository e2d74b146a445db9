/** Definitions: every mistake in one is named before anything runs, and strategies made of one are plain data. */
import { describe, expect, it } from "@jest/globals";
import {
  compilePlan,
  defineStrategy,
  OptionError,
  posterior,
  prepare,
  sample,
  type AnyStrategy,
  type DenoiserModel,
  type SamplerOptions,
} from "../../src/sampler/index.ts";
import type { AnyStrategyMaker } from "../../src/sampler/definition.ts";
import type { AnyOptions } from "../../src/sampler/optionTable.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const model: DenoiserModel = { vocabSize: 4, maskId: MASK, length: 6, timeConditioning: false };

const TEXTS = { source: "a test", summary: "does nothing" } as const;
const NUMBER = { type: "number", default: 0.1, range: "[0, 1]", help: "a share" } as const;

const all = defineStrategy({
  kind: "all",
  ...TEXTS,
  options: {
    share: NUMBER,
    top: {
      type: "number",
      default: 0.9,
      range: "(0, 1)",
      narrow: ({ share }) => ({
        range: `(${share}, 1)`,
        shown: `(share, 1), with share = ${share}`,
      }),
      help: "above the share",
    },
    rounds: { type: "integer", default: 2, range: "[1, Infinity)", help: "how often" },
    late: { type: "flag", default: false, help: "whether late" },
    order: { type: "choice", choices: ["up", "down"], help: "which way" },
    end: { type: "choice", choices: ["soft", "hard"], default: "hard", help: "how it ends" },
    window: {
      type: "variant",
      variants: { none: {}, after: { start: { ...NUMBER, default: 0.5 } } },
      help: "when",
    },
  },
  transition: ({ share }, step) => posterior(step, Math.min(share, step.sigmaMax)),
});

const DEFAULTS = { share: 0.1, top: 0.9, rounds: 2, late: false, order: "up", end: "hard" };

describe("a mistake in a definition", () => {
  const transition = () => ({ reveal: 1, remask: 0 });
  const select = () => ({});
  const drawFirst = { kind: "mine", ...TEXTS, transition };
  const askFirst = { kind: "mine", ...TEXTS, statistics: ["max"], select };
  const option = (given: object) => ({ ...drawFirst, options: { eta: { help: "h", ...given } } });
  const at = "definition.options.eta";
  const number = { type: "number", default: 0, range: "[0, 1]" };

  it.each<[unknown, string, string]>([
    [undefined, "definition", "an object with a kind; got undefined"],
    [() => 1, "definition", "an object with a kind; got a function"],
    [
      { ...drawFirst, kind: undefined },
      "definition.kind",
      "a name of letters, digits, dots, - and _",
    ],
    [{ ...drawFirst, kind: "" }, "definition.kind", "a name of letters"],
    [{ ...drawFirst, kind: "a b" }, "definition.kind", "a name of letters"],
    [{ ...drawFirst, kind: "remdm-cap+loop" }, "definition.kind", "a name of letters"],
    [{ ...drawFirst, source: "" }, "definition.source", "a text"],
    [{ ...drawFirst, summary: 3 }, "definition.summary", "a text; got 3"],
    [
      { ...drawFirst, transition: undefined },
      "definition.transition",
      "a function, and the only one of transition",
    ],
    [
      { ...drawFirst, select, statistics: ["max"] },
      "definition.transition",
      "a function, and the only one of transition",
    ],
    [
      { ...drawFirst, transition: 0.5 },
      "definition.transition",
      "a function, and the only one of transition",
    ],
    [{ ...drawFirst, models: "mdlm" }, "definition.models", "a list of different names among mdlm"],
    [{ ...drawFirst, models: [] }, "definition.models", "a list of different names among mdlm"],
    [{ ...drawFirst, models: ["ar"] }, "definition.models", "names among mdlm, sedd, d3pm; got"],
    [{ ...drawFirst, nucleus: "no" }, "definition.nucleus", 'true or false; got "no"'],
    [{ ...drawFirst, windows: 0 }, "definition.windows", "true or false; got 0"],
    [{ ...drawFirst, lastStep: "drawn" }, "definition.lastStep", '"argmax" or "draw"; got "drawn"'],
    [{ ...drawFirst, times: [1, 0] }, "definition.times", "a function; got an array of 2"],
    [{ ...drawFirst, confidence: true }, "definition.confidence", "a function; got true"],
    [{ ...drawFirst, revealed: true }, "definition.revealed", "that draws first takes only"],
    [{ ...drawFirst, lastStpe: "draw" }, "definition.lastStpe", "that draws first takes only"],
    [{ ...askFirst, confidence: () => true }, "definition.confidence", "that asks first takes"],
    [{ ...askFirst, revealed: "yes" }, "definition.revealed", 'true, false or "state"'],
    [{ ...askFirst, statistics: undefined }, "definition.statistics", "among logMass, maskLogit"],
    [{ ...askFirst, statistics: "max" }, "definition.statistics", "among logMass, maskLogit"],
    [
      { ...askFirst, untimed: true, steps: () => 3 },
      "definition.steps",
      "as many steps as its rows",
    ],
    [{ ...askFirst, untimed: true, times: () => [1, 0] }, "definition.times", "as many steps as"],
    [{ ...askFirst, remaskFirst: () => [] }, "definition.revealed", "told of revealed positions"],
    [
      { ...askFirst, revealed: true, stepsAfter: () => 3 },
      "definition.untimed",
      "because stepsAfter is set",
    ],
    [
      { ...askFirst, untimed: true, stepsAfter: () => 3 },
      "definition.revealed",
      "allows steps without masks",
    ],
    [{ ...askFirst, untimed: true, stepsAfter: 3 }, "definition.revealed", "steps without masks"],
    [
      { ...askFirst, untimed: true, revealed: true, stepsAfter: 3 },
      "definition.stepsAfter",
      "a function; got 3",
    ],
    [{ ...askFirst, statistics: ["maximum"] }, "definition.statistics", "names among logMass"],
    [{ ...askFirst, statistics: ["max", "max"] }, "definition.statistics", "different names"],
    [{ ...drawFirst, options: [] }, "definition.options", "an option table; got an array of 0"],
    [{ ...drawFirst, options: { eta: 3 } }, at, "an object whose type is one of number, integer"],
    [{ ...drawFirst, options: { kind: number } }, "definition.options.kind", "undefined (kind is"],
    [
      { ...drawFirst, options: { "eta=1": number } },
      "definition.options.eta=1",
      "under a name of letters",
    ],
    [
      { ...drawFirst, options: { ["__proto__"]: number } },
      "definition.options.__proto__",
      "under a name of letters",
    ],
    [option({ type: "float" }), at, "an object whose type is one of number, integer, flag"],
    [option({ ...number, help: "" }), `${at}.help`, "a text"],
    [option({ ...number, rang: "[0, 1]" }), `${at}.rang`, "an option of type number takes only"],
    [option({ ...number, range: undefined }), `${at}.range`, 'an interval such as "[0, 1]"'],
    [
      option({ ...number, range: "0..1" }),
      `${at}.range`,
      'an interval such as "[0, 1]"; got "0..1"',
    ],
    [option({ ...number, range: "[1, 0]" }), `${at}.range`, "an interval such as"],
    [option({ ...number, default: 2 }), `${at}.default`, "a number in [0, 1]; got 2"],
    [option({ ...number, default: "0" }), `${at}.default`, 'a number in [0, 1]; got "0"'],
    [option({ ...number, default: NaN }), `${at}.default`, "a number in [0, 1]; got NaN"],
    [
      option({ ...number, type: "integer", default: 0.5 }),
      `${at}.default`,
      "an integer in [0, 1]; got 0.5",
    ],
    [option({ ...number, narrow: "[0, 1]" }), `${at}.narrow`, "a function"],
    // A default that the other defaults rule out.
    [option({ ...number, narrow: () => ({ range: "(0, 1]" }) }), at, "a number in (0, 1]; got 0"],
    [option({ type: "flag" }), `${at}.default`, "true or false; got undefined"],
    [option({ type: "choice" }), `${at}.choices`, "a list of different texts, one at least"],
    [option({ type: "choice", choices: [] }), `${at}.choices`, "a list of different texts"],
    [option({ type: "choice", choices: ["a", "a"] }), `${at}.choices`, "a list of different texts"],
    [option({ type: "choice", choices: [1, 2] }), `${at}.choices`, "a list of different texts"],
    [
      option({ type: "choice", choices: ["a", "b"], default: "c" }),
      `${at}.default`,
      'one of a, b; got "c"',
    ],
    [option({ type: "variant" }), `${at}.variants`, "an object with an option table for each kind"],
    [option({ type: "variant", variants: {} }), `${at}.variants`, "an object with an option table"],
    [
      option({ type: "variant", variants: { a: { x: { ...number, help: "h", default: 3 } } } }),
      `${at}.variants.a.x.default`,
      "a number in [0, 1]; got 3",
    ],
    [
      option({ type: "variant", variants: { a: { x: { type: "variant", help: "h" } } } }),
      `${at}.variants.a.x`,
      "an object whose type is one of number, integer, flag, choice; got",
    ],
  ])("%j: %s must be %s", (definition, name, message) => {
    const attempt = () => defineStrategy(definition as typeof drawFirst);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(expect.objectContaining({ option: name, code: "option_invalid" }));
    expect(attempt).toThrow(message);
  });

  it.each(["mdlm", "remdm-cap", "remdm", "ar"])("a kind that is built in: %s", (kind) => {
    const strategy = defineStrategy({ ...drawFirst, kind });
    const attempt = () => prepare({ strategy }, model);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(
      `definition.kind must be a name that no built-in strategy has; got "${kind}"`,
    );
  });
});

describe("a strategy", () => {
  it("has every option said, by default or as it was given", () => {
    expect(all()).toEqual({ kind: "all", ...DEFAULTS, window: undefined });
    const given = {
      share: 0,
      top: 0.5,
      rounds: 7,
      late: true,
      order: "down",
      end: "soft",
    } as const;
    expect(all({ ...given, window: { kind: "after" } })).toEqual({
      kind: "all",
      ...given,
      window: { kind: "after", start: 0.5 },
    });
  });

  it("takes undefined for what is left out, and options of any origin by `with`", () => {
    const untyped: unknown = { share: undefined, rounds: 3 };
    expect(all.with(untyped as AnyOptions)).toEqual({ ...all(), rounds: 3 });
  });

  it("is frozen, its records too, and plain data in JSON", () => {
    const strategy = all({ window: { kind: "after" } });
    expect(Object.isFrozen(strategy)).toBe(true);
    expect(Object.isFrozen(strategy.window)).toBe(true);
    expect(JSON.stringify(all())).toBe(JSON.stringify({ kind: "all", ...DEFAULTS }));
    expect(Object.keys(strategy)).toEqual(["kind", ...Object.keys(DEFAULTS), "window"]);
  });

  it("is parsed again for the run, to the same values", () => {
    const strategy = all({ share: 0.2, window: { kind: "none" } });
    const run = prepare({ strategy }, model);
    expect(run.strategy).toEqual({ ...strategy });
    expect(prepare({ strategy: all }, model).strategy).toEqual({ ...all() });
  });

  it.each<[object, string, string]>([
    [{ share: 1.5 }, "share", "a number in [0, 1]; got 1.5"],
    [{ share: "0.1" }, "share", 'a number in [0, 1]; got "0.1"'],
    [{ share: NaN }, "share", "a number in [0, 1]; got NaN"],
    [{ share: null }, "share", "a number in [0, 1]; got null"],
    [{ share: 0.95 }, "top", "a number in (share, 1), with share = 0.95; got 0.9"],
    [{ top: 0.05 }, "top", "a number in (share, 1), with share = 0.1; got 0.05"],
    [{ rounds: 1.5 }, "rounds", "an integer in [1, Infinity); got 1.5"],
    [{ rounds: Infinity }, "rounds", "an integer in [1, Infinity); got Infinity"],
    [{ rounds: 0 }, "rounds", "an integer in [1, Infinity); got 0"],
    [{ late: 1 }, "late", "true or false; got 1"],
    [{ order: "left" }, "order", '"up" or "down"; got "left"'],
    [{ order: null }, "order", '"up" or "down"; got null'],
    [{ window: "after" }, "window", 'an object whose kind is one of none, after; got "after"'],
    [{ window: {} }, "window.kind", "one of none, after; got undefined"],
    [{ window: { kind: "toString" } }, "window.kind", 'one of none, after; got "toString"'],
    [{ window: { kind: "none", start: 1 } }, "window.start", "undefined (none takes only kind)"],
    [{ window: { kind: "after", start: 2 } }, "window.start", "a number in [0, 1]; got 2"],
    [{ shares: 0.1 }, "shares", "undefined (all takes only kind, share, top, rounds, late, order"],
    [{ kind: "mdlm" }, "kind", '"all" or left out; got "mdlm"'],
  ])("refuses the options %j: %s must be %s", (options, name, message) => {
    const attempt = () => all.with(options as Record<string, unknown>);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(`strategy.${name} must be ${message}`);
  });

  it.each([null, 3, ["share"], "share"])("refuses %j for its options", (options) => {
    const untyped: unknown = options;
    expect(() => all.with(untyped as AnyOptions)).toThrow("strategy must be an object of options");
  });

  it("is made by its own definition, whatever function has a key of that name", () => {
    const impostor = Object.assign(() => all(), { definition: { kind: "all" } });
    const untyped: unknown = impostor;
    expect(() => prepare({ strategy: untyped as AnyStrategy }, model)).toThrow(
      "strategy must be an object whose kind is one of mdlm",
    );
  });

  it("is for the models that it names", () => {
    expect(() => prepare({ strategy: all }, { ...model, kind: "sedd" })).toThrow(
      'strategy.kind must be analytic for a model of kind sedd; got "all"',
    );
    const scores = defineStrategy({
      kind: "scores",
      ...TEXTS,
      models: ["sedd"],
      statistics: ["logMass"],
      select: () => ({}),
    });
    expect(prepare({ strategy: scores }, { ...model, kind: "sedd" }).loop.kind).toBe("askFirst");
    expect(() => prepare({ strategy: scores }, model)).toThrow("for a model of kind mdlm");
  });
});

describe("a copy, which has lost its definition, is refused with words about that", () => {
  it.each<[string, (strategy: ReturnType<typeof all>) => unknown]>([
    ["structuredClone", (strategy) => structuredClone(strategy)],
    ["spread", (strategy) => ({ ...strategy })],
    ["JSON", (strategy) => JSON.parse(JSON.stringify(strategy)) as unknown],
    ["the settings of a run", (strategy) => prepare({ strategy }, model).strategy],
    ["the definition itself", () => all.definition],
  ])("%s", (_, copy) => {
    const untyped = { strategy: copy(all()) } as unknown as SamplerOptions;
    const attempt = () => prepare(untyped, model);
    expect(attempt).toThrow(OptionError);
    expect(attempt).toThrow(/^strategy\.kind must be one of mdlm, .*; got "all"$/);
    expect(attempt).toThrow(
      expect.objectContaining({
        option: "strategy.kind",
        remedy: expect.stringMatching(/pass what defineStrategy returned.*loses its definition/),
      }),
    );
  });

  it("except one of a built-in strategy, which is known by its kind", () => {
    const { strategy } = prepare({ strategy: { kind: "remdm-cap", eta: 0.2 } }, model);
    const copy = structuredClone(strategy) as unknown as AnyStrategy;
    expect(prepare({ strategy: copy }, model).strategy).toEqual({ kind: "remdm-cap", eta: 0.2 });
  });
});

it("what only the other shape can do is refused", async () => {
  const rows = defineStrategy({
    kind: "rows",
    ...TEXTS,
    statistics: ["max"],
    windows: false,
    nucleus: false,
    select: () => ({}),
  });
  const attempt = (options: object) => () => prepare({ strategy: rows, ...options }, model);
  expect(attempt({ executor: "dense" })).toThrow("one that the original's code has, for `dense`");
  expect(attempt({ stride: 2, strides: 1 })).toThrow(
    "stride must be undefined with the strategy rows; got 2",
  );
  expect(attempt({ topP: 0.5 })).toThrow("topP must be 1 with the strategy rows");
  expect(prepare({ strategy: rows }, model).topP).toBe(1);
  expect(prepare({ strategy: rows, quirks: "paper" }, model).topP).toBe(0.9);
  expect(() => compilePlan(rows, 4)).toThrow(
    'strategy.kind must be one that draws first, on a time grid; got "rows"',
  );
  const { tokens } = await sample(new TableDenoiser(6), { strategy: rows, steps: 2 });
  expect(tokens[0]).not.toContain(MASK);
});

describe("types", () => {
  it("refuse what the definition does not have", () => {
    const refused: (() => unknown)[] = [
      // @ts-expect-error an option that the table lacks
      () => all({ shares: 0.1 }),
      // @ts-expect-error a text for a number
      () => all({ share: "0.1" }),
      // @ts-expect-error a choice that is none
      () => all({ order: "left" }),
      // @ts-expect-error a number for a flag
      () => all({ late: 1 }),
      // @ts-expect-error a kind that is no variant
      () => all({ window: { kind: "before" } }),
      // @ts-expect-error an option of another variant
      () => all({ window: { kind: "none", start: 1 } }),
      // @ts-expect-error a statistic that is none
      () => defineStrategy({ kind: "a", ...TEXTS, statistics: ["most"], select: () => ({}) }),
      () =>
        defineStrategy({
          kind: "a",
          ...TEXTS,
          options: { eta: NUMBER },
          // @ts-expect-error an option that the table lacks, where it is read
          transition: ({ etaCap }, step) => posterior(step, etaCap === undefined ? 0 : 1),
        }),
      () =>
        defineStrategy({
          kind: "a",
          ...TEXTS,
          statistics: ["max"],
          // @ts-expect-error a statistic that was not asked for
          select: (_, __, rows) => (rows[0].entropy === 0 ? {} : {}),
        }),
      // @ts-expect-error a built-in strategy with an option that it lacks
      () => prepare({ strategy: { kind: "remdm-cap", etaCap: 0.1 } }, model),
      // @ts-expect-error times that are no numbers
      () => prepare({ steps: ["1", "0"] }, model),
    ];
    expect(refused).toHaveLength(11); // tsc is the judge
  });

  it("know the options by their table", () => {
    const strategy = all({ share: 0.3 });
    const share: number | undefined = strategy.share;
    const order: "up" | "down" | undefined = strategy.order;
    const kind: "all" = strategy.kind;
    expect([share, order, kind]).toEqual([0.3, "up", "all"]);
  });
});

describe("an option that is called like a member of every object", () => {
  const named = defineStrategy({
    ...TEXTS,
    kind: "named",
    options: {
      constructor: { type: "number", default: 0.5, range: "[0, 1]", help: "h" },
      toString: { type: "flag", default: false, help: "h" },
      valueOf: {
        ...{ type: "number", default: 1, range: "[0, 1]", help: "h" },
        narrow: ({ constructor: low }: Readonly<Record<string, unknown>>) => ({
          range: `[${String(low)}, 1]`,
        }),
      },
    },
    transition: () => ({ reveal: 0, remask: 0 }),
  } as never) as AnyStrategyMaker;

  it("has its default, and is read where it is given", () => {
    expect(Object.entries(named())).toEqual([
      ["kind", "named"],
      ...[["constructor", 0.5] as const, ["toString", false] as const, ["valueOf", 1] as const],
    ]);
    const given = named.with({ constructor: 0.25, toString: true, valueOf: 0.5 });
    expect(Object.values(given)).toEqual(["named", 0.25, true, 0.5]);
    expect(() => named.with({ valueOf: 0.2 })).toThrow(
      "strategy.valueOf must be a number in [0.5, 1]",
    );
  });

  it("is unknown where the table does not have it", () => {
    for (const key of ["constructor", "toString", "__proto__"]) {
      const options = JSON.parse(
        `{ "kind": "remdm-cap", "${key}": 1 }`,
      ) as SamplerOptions["strategy"];
      expect(() => prepare({ ...(options !== undefined && { strategy: options }) }, model)).toThrow(
        `strategy.${key} must be undefined`,
      );
    }
  });
});
