/** What the functions of a user's definition return is checked before anything is drawn by it. */
import { describe, expect, it } from "@jest/globals";
import {
  defineStrategy,
  prepare,
  sample,
  type DenoiserModel,
  type RowField,
  type RowStep,
  type Told,
} from "../../src/sampler/index.ts";
import { takesSteps } from "../../src/sampler/strategies/find.ts";
import { MASK, TableDenoiser } from "./support/tableDenoiser.ts";

const model: DenoiserModel = { vocabSize: 4, maskId: MASK, length: 6, timeConditioning: false };
const TEXTS = { kind: "mine", source: "a test", summary: "for the test" } as const;
const ROWS = { ...TEXTS, statistics: ["max"], select: () => ({}) } as const;

const invalid = (message: string, remedy: string) =>
  expect.objectContaining({ code: "strategy_invalid", message, remedy });
const INTEGER = "Let its stepsAfter return an integer of at least 0.";
const COUNT = "Let its steps return an integer in [1, 1000000].";
const TOLD = 'Let its revealed return true, false or "state".';
const FIELDS =
  "Let its statistics return a list of different names among logMass, maskLogit, max, argmax, second, " +
  "entropy, given, drawn, drawnLogProbability.";

describe("is refused when a run is prepared", () => {
  it.each<[unknown, string]>([
    [NaN, "NaN"],
    [-1, "-1"],
    [1.5, "1.5"],
    [Infinity, "Infinity"],
    ["3", '"3"'],
    [undefined, "undefined"],
    [null, "null"],
    [Promise.resolve(3), "an object"],
  ])("stepsAfter that returns %p", (value, said) => {
    const strategy = defineStrategy({
      ...{ ...ROWS, untimed: true, revealed: true },
      stepsAfter: () => value as number,
    });
    expect(() => prepare({ strategy }, model)).toThrow(
      invalid(`The strategy mine returns ${said} from its stepsAfter`, INTEGER),
    );
  });

  it.each<[unknown, string]>([
    [NaN, "NaN"],
    [0, "0"],
    [-2, "-2"],
    [1_000_001, "1000001"],
    ["4", '"4"'],
    [null, "null"],
    [[1, 0.5, 0], "an array of 3"],
  ])("steps that returns %p", (value, said) => {
    const strategy = defineStrategy({ ...ROWS, steps: () => value as number });
    for (const steps of [undefined, 4]) {
      expect(() => prepare({ strategy, ...(steps !== undefined && { steps }) }, model)).toThrow(
        invalid(`The strategy mine returns ${said} from its steps`, COUNT),
      );
    }
  });

  it.each<[unknown, string]>([
    ["max", '"max" from its statistics'],
    [undefined, "undefined from its statistics"],
    [["max", "entropie"], '"entropie" from its statistics as entry 2'],
    [["max", "second", "max"], '"max" from its statistics as entry 3'],
    [["toString"], '"toString" from its statistics as entry 1'],
    [[undefined], "undefined from its statistics as entry 1"],
  ])("statistics that returns %j", (value, said) => {
    const strategy = defineStrategy({ ...ROWS, statistics: () => value as RowField[] });
    expect(() => prepare({ strategy }, model)).toThrow(
      invalid(`The strategy mine returns ${said}`, FIELDS),
    );
  });

  it.each<[unknown, string]>([
    ["all", '"all"'],
    [1, "1"],
    [undefined, "undefined"],
    [null, "null"],
  ])("revealed that returns %p", (value, said) => {
    const strategy = defineStrategy({ ...ROWS, revealed: () => value as Told });
    expect(() => prepare({ strategy, steps: 3 }, model)).toThrow(
      invalid(`The strategy mine returns ${said} from its revealed in step 2`, TOLD),
    );
  });

  it.each<[unknown, string]>([
    [1, "1"],
    ["yes", '"yes"'],
  ])("confidence that returns %p", (value, said) => {
    const strategy = defineStrategy({
      ...TEXTS,
      confidence: () => value as boolean,
      transition: () => ({ reveal: 0.5, remask: 0 }),
    });
    expect(() => prepare({ strategy }, model)).toThrow(
      invalid(
        `The strategy mine returns ${said} from its confidence`,
        "Let its confidence return true or false.",
      ),
    );
  });
});

it("revealed is checked in every step, and an untimed strategy's in its first", async () => {
  const late = defineStrategy({
    ...ROWS,
    select: (_, __, rows) => ({ reveal: rows.slice(0, 1).map(({ position }) => position) }),
    revealed: (_: unknown, { index }: RowStep) => (index === 1 ? 7 : "state") as Told,
  });
  await expect(sample(new TableDenoiser(6), { strategy: late, steps: 4 })).rejects.toThrow(
    invalid("The strategy mine returns 7 from its revealed in step 1", TOLD),
  );
  const untimed = defineStrategy({ ...ROWS, untimed: true, revealed: () => 8 as never });
  await expect(sample(new TableDenoiser(6), { strategy: untimed })).rejects.toThrow(
    invalid("The strategy mine returns 8 from its revealed in step 0", TOLD),
  );
});

it.each<[unknown, unknown, string]>([
  ["0.5", 0, 't = "0.5", remask = 0'],
  [0.5, "0", 't = 0.5, remask = "0"'],
  [Symbol("now"), 0, "t = Symbol(now), remask = 0"],
])("nextEvent gives numbers, and not %p and %p", async (t, remask, said) => {
  const strategy = defineStrategy({ ...TEXTS, nextEvent: () => ({ t, remask }) as never });
  await expect(sample(new TableDenoiser(6), { strategy })).rejects.toMatchObject({
    code: "strategy_invalid",
    message: `The strategy mine gives ${said} after t = 1, with 6 masks and 0 revealed positions`,
  });
});

describe("the range of an option", () => {
  const narrowing = (said: unknown) => ({
    ...ROWS,
    options: {
      low: { type: "number", default: 0, range: "[0, 1]", help: "low" },
      high: {
        ...{ type: "number", default: 1, range: "[0, 1]", help: "high" },
        narrow: ({ low }: { readonly low: number }) => (low > 0.5 ? said : { range: "[0, 1]" }),
      },
    },
  });

  it.each<[unknown, string]>([
    [undefined, "undefined"],
    ["[0, 1]", '"[0, 1]"'],
    [{ range: "0 to 1" }, '"0 to 1"'],
    [{ range: 5 }, "5"],
  ])("is an interval, and not %j", (value, said) => {
    const make = defineStrategy(narrowing(value) as never) as unknown as (
      options: object,
    ) => object;
    make({ low: 0.2 });
    const attempt = () => make({ low: 0.7 });
    expect(attempt).toThrow(
      invalid(
        `The strategy mine returns ${said} from its options.high.narrow`,
        'Let its options.high.narrow return an object with a range such as "[0, 1]".',
      ),
    );
  });
});

it("asks a maker for the steps of its default options", () => {
  const counted = defineStrategy({
    ...ROWS,
    options: { count: { type: "integer", default: 4, range: "[1, 9]", help: "steps" } },
    steps: ({ count }) => count,
  });
  expect([takesSteps(counted), takesSteps(counted({ count: 2 }))]).toEqual([false, false]);
});
