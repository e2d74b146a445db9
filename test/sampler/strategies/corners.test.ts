/** The deep corners of the ask-first strategies; `docs/orders.md` lists them in a table. */
import { describe, expect, it } from "@jest/globals";
import {
  sample,
  sampleEvents,
  type SamplerEvent,
  type SamplerOptions,
  type TokenId,
} from "../../../src/sampler/index.ts";
import { prepare } from "../../../src/sampler/prepare.ts";
import { runEvents } from "../../../src/sampler/run.ts";
import { confidence } from "../../../src/sampler/strategies/confidence.ts";
import { entropy } from "../../../src/sampler/strategies/entropy.ts";
import { margin } from "../../../src/sampler/strategies/margin.ts";
import { collect } from "../support/replay.ts";
import { MASK, TableDenoiser, tableLogits, type Logits } from "../support/tableDenoiser.ts";

type Strategy = Extract<SamplerOptions["strategy"], { readonly kind: string }>;

/** Every ask-first strategy, the ones that take steps with a number of them. */
const TIMED: readonly [string, Strategy][] = [
  ["confidence", { kind: "confidence" }],
  ["confidence of drawn tokens", { kind: "confidence", of: "drawn" }],
  ["margin", { kind: "margin" }],
  ["entropy", { kind: "entropy" }],
  ["random", { kind: "random" }],
  ["p2", { kind: "p2" }],
  ["rcr", { kind: "rcr" }],
  ["remdm-llada", { kind: "remdm-llada" }],
];
const UNTIMED: readonly [string, Strategy][] = [
  ["threshold", { kind: "threshold" }],
  ["factor", { kind: "factor" }],
  ["entropy-bounded", { kind: "entropy-bounded" }],
  ["editing", { kind: "editing" }],
];
const ALL = [...TIMED, ...UNTIMED];
const LENGTH = 5;

const equalRows: Logits = () => Float32Array.of(1, 3, 0.5, 0);
/** Every row is surer than the one before it. */
const risingRows: Logits = (_, __, position) => Float32Array.of(1 + position, 3, 0.5, 0);

/** Samples one text and tells in which step each position was revealed, and the calls. */
async function play(strategy: Strategy, options: Partial<SamplerOptions> & Setting = {}) {
  const { logits = tableLogits, ...more } = options;
  const { length = LENGTH } = more;
  const denoiser = new TableDenoiser(length, { judgesRevealed: true }, logits, true);
  const { events, outcome } = await collect(sampleEvents(denoiser, { strategy, topP: 1, ...more }));
  return { ...told(events), tokens: outcome.tokens[0], calls: outcome.stats.forwardCalls };
}
interface Setting {
  readonly logits?: Logits;
}

/** [steps that reveal] the positions of each, and how many tokens were remasked. */
function told(events: readonly SamplerEvent[]) {
  const order: number[][] = [];
  let remasks = 0;
  for (const event of events) {
    if (event.type === "revealed") order.push([...event.positions]);
    if (event.type === "remasked") remasks += event.positions.length;
  }
  return { order, remasks };
}

const leftToRight = [[0], [1], [2], [3], [4]];
const rightToLeft = [[4], [3], [2], [1], [0]];

describe("where all rows are equal", () => {
  it.each<[string, Strategy]>([
    ["confidence", { kind: "confidence" }],
    ["margin", { kind: "margin" }],
    ["entropy", { kind: "entropy" }],
    ["threshold", { kind: "threshold" }],
    ["factor", { kind: "factor", factor: 0.1 }],
    ["entropy-bounded", { kind: "entropy-bounded", gamma: 0 }],
    ["rcr", { kind: "rcr" }],
    ["editing", { kind: "editing" }],
  ])("%s takes the lowest positions first", async (name, strategy) => {
    const options =
      name in { threshold: 1, factor: 1, "entropy-bounded": 1, editing: 1 } ? {} : { steps: 5 };
    const { order } = await play(strategy, {
      logits: equalRows,
      quirks: "paper",
      temperature: 0,
      ...options,
    });
    expect(order).toEqual(leftToRight);
  });

  it("p2 reveals everything at once: what equals its cut stays, as in the published code", async () => {
    const { order } = await play({ kind: "p2" }, { logits: equalRows, steps: 5 });
    expect(order).toEqual([[0, 1, 2, 3, 4]]);
  });
});

it("equal positions among others keep their order, and the surest goes first", async () => {
  const logits: Logits = (_, __, position) => Float32Array.of(position === 3 ? 9 : 1, 3, 0.5, 0);
  const { order } = await play({ kind: "confidence" }, { logits, steps: 5 });
  expect(order).toEqual([[3], [0], [1], [2], [4]]);
});

describe("what passes no bound", () => {
  it.each<[string, Strategy]>([
    ["a threshold of 1", { kind: "threshold", tau: 1 }],
    ["a factor of 0", { kind: "factor", factor: 0 }],
    ["a gamma of 0", { kind: "entropy-bounded", gamma: 0, by: "confidence" }],
    ["editing above 1", { kind: "editing", tau: 1 }],
  ])("%s: the surest goes alone", async (_, strategy) => {
    const { order, calls } = await play(strategy, {
      logits: risingRows,
      quirks: "paper",
      temperature: 0,
    });
    expect(order).toEqual(rightToLeft);
    expect(calls).toBeGreaterThanOrEqual(5);
  });

  it("a factor of 0, as published: the last two go together", async () => {
    const { order } = await play({ kind: "factor", factor: 0 }, { logits: risingRows });
    expect(order).toEqual([[4], [3], [2], [0, 1]]);
  });
});

describe("what passes every bound", () => {
  it.each<[string, Strategy]>([
    ["a threshold of 0", { kind: "threshold", tau: 0 }],
    ["a huge factor", { kind: "factor", factor: 1e300 }],
    ["a huge gamma", { kind: "entropy-bounded", gamma: 1e300 }],
    ["editing with a threshold of 0", { kind: "editing", tau: 0, after: 0 }],
  ])("%s: all at once, in one call", async (_, strategy) => {
    const { order, calls } = await play(strategy);
    expect(order).toEqual([[0, 1, 2, 3, 4]]);
    expect(calls).toBe(1);
  });

  it.each<[Strategy, string]>([
    [{ kind: "entropy-bounded", gamma: Infinity }, "strategy.gamma"],
    [{ kind: "factor", factor: Infinity }, "strategy.factor"],
    [{ kind: "confidence", orderTemperature: Infinity }, "strategy.orderTemperature"],
    [{ kind: "threshold", tau: NaN }, "strategy.tau"],
    [{ kind: "p2", eta: -1 }, "strategy.eta"],
  ])("%j is refused", async (strategy, name) => {
    await expect(play(strategy)).rejects.toMatchObject({ code: "option_invalid", option: name });
  });
});

describe("counts", () => {
  it.each<[string, readonly number[], readonly number[]]>([
    ["larger than the masks that are left", [3, 100, 100], [3, 2]],
    ["whose sum is too small: the last step takes the rest", [1, 0, 1], [1, 4]],
    ["of nothing but zeros", [0, 0], [5]],
    ["that fit", [2, 2, 1], [2, 2, 1]],
  ])("%s", async (_, counts, revealed) => {
    const { order } = await play({ kind: "confidence", counts });
    expect(order.map(({ length }) => length)).toEqual(revealed);
  });

  it("may come with steps that say the same, as a number or as times", async () => {
    const strategy = { kind: "margin", counts: [3, 2] } as const;
    const { tokens } = await play(strategy);
    expect((await play(strategy, { steps: 2 })).tokens).toEqual(tokens);
    expect((await play(strategy, { steps: [1, 0.5, 1e-5] })).order).toHaveLength(2);
  });

  it.each<[string, Strategy, SamplerOptions["steps"]]>([
    ["a number of steps", { kind: "entropy", counts: [3, 2] }, 3],
    ["times", { kind: "random", counts: [3, 2] }, [1, 0.6, 0.3, 0]],
  ])("are refused beside %s that contradicts them", async (_, strategy, steps = 1) => {
    const refused = { code: "option_invalid", option: "steps" };
    await expect(play(strategy, { steps })).rejects.toMatchObject(refused);
  });

  it.each([[[]], [[-1, 6]], [[1.5]], [[NaN]]])("%j are refused", async (counts) => {
    const strategy = { kind: "confidence", counts } as const;
    await expect(play(strategy)).rejects.toMatchObject({ code: "option_invalid" });
  });

  it.each<[unknown[], string]>([
    [[1, "", 2], 'entry 2 of 3 is ""'],
    [[1, 2, -3], "entry 3 of 3 is -3"],
    [new Array<unknown>(2), "entry 1 of 2 is undefined"],
  ])("%j are refused with the place of what is wrong", async (counts, which) => {
    const strategy = { kind: "confidence", counts } as unknown as Strategy;
    const list = "a list of integers in [0, Infinity), one at least";
    await expect(play(strategy)).rejects.toMatchObject({
      message: `strategy.counts must be ${list}; ${which}`,
      remedy: `Set strategy.counts to ${list}.`,
    });
  });
});

it.each(UNTIMED)("%s takes as many steps as it needs: steps are refused", async (_, strategy) => {
  const refused = { code: "option_invalid", option: "steps" };
  await expect(play(strategy, { steps: 4 })).rejects.toMatchObject(refused);
  await expect(play(strategy, { steps: [1, 0.5, 0] })).rejects.toMatchObject(refused);
});

it.each(TIMED)("%s takes times as steps", async (_, strategy) => {
  const { tokens } = await play(strategy, { steps: [1, 0.9, 0.5, 0.4, 0] });
  expect(tokens).not.toContain(MASK);
});

describe("a row that is no distribution is a typed error:", () => {
  const broken =
    (value: number): Logits =>
    (tokens, sigma, position) =>
      position === 2
        ? Float32Array.of(value, 3, value, value)
        : tableLogits(tokens, sigma, position);

  it.each(ALL)("NaN, %s", async (_, strategy) => {
    const refused = { code: "denoiser_invalid" };
    await expect(play(strategy, { logits: broken(NaN) })).rejects.toMatchObject(refused);
  });
  it.each(ALL)("no token with a chance, %s", async (_, strategy) => {
    const refused = { code: "denoiser_invalid" };
    await expect(play(strategy, { logits: broken(-Infinity) })).rejects.toMatchObject(refused);
  });
});

it.each(ALL)("a token with a logit of -Infinity never comes: %s", async (_, strategy) => {
  const logits: Logits = (tokens, sigma, position) =>
    tableLogits(tokens, sigma, position).map((logit, v) => (v === 2 ? -Infinity : logit));
  const denoiser = new TableDenoiser(LENGTH, { judgesRevealed: true }, logits, true);
  const { tokens } = await sample(denoiser, { strategy, samples: 40, topP: 1, seed: 3 });
  expect(new Set(tokens.flat())).toEqual(new Set([0, 3]));
});

describe("temperature 0, a temperature towards 0 and a top-k of 1 are one text", () => {
  it.each(ALL)("%s", async (_, strategy) => {
    const { tokens, order } = await play(strategy, { temperature: 0 });
    for (const options of [{ temperature: 1e-9 }, { temperature: 1e-300 }, { topK: 1 }]) {
      expect(await play(strategy, options)).toMatchObject({ tokens, order });
    }
  });
});

describe("a prompt that fills everything asks nothing", () => {
  it.each(ALL)("%s", async (_, strategy) => {
    const pinned = new Map<number, TokenId>(
      [0, 1, 2, 3, 4].map((at) => [at, at % 2 === 0 ? 0 : 2]),
    );
    const { tokens, calls, order } = await play(strategy, { pinned });
    expect({ tokens, calls, order }).toEqual({ tokens: [0, 2, 0, 2, 0], calls: 0, order: [] });
  });
});

describe("one mask that is left costs", () => {
  const pinned = new Map<number, TokenId>([0, 1, 3, 4].map((at) => [at, 0]));
  it.each<[string, number, Strategy]>([
    ["one call", 1, { kind: "confidence" }],
    ["one call", 1, { kind: "margin" }],
    ["one call", 1, { kind: "entropy" }],
    ["one call", 1, { kind: "random" }],
    ["one call", 1, { kind: "rcr" }],
    ["one call", 1, { kind: "threshold", tau: 1 }],
    ["one call", 1, { kind: "factor" }],
    ["one call", 1, { kind: "entropy-bounded" }],
    [
      "a call a step: a share of it is none before the last",
      6,
      { kind: "confidence", pace: "times" },
    ],
    ["one call: a share of it is none, and nothing is asked", 1, { kind: "random", pace: "times" }],
    ["a call a step: its token may be doubted", 6, { kind: "p2", eta: 1 }],
    ["one call: nothing is doubted", 1, { kind: "p2", eta: 0 }],
    ["a call a step of its loop, and one", 4, { kind: "remdm-llada" }],
  ])("%s (%d, %j)", async (_, calls, strategy) => {
    const isUntimed = UNTIMED.some(([kind]) => kind === strategy.kind);
    const run = await play(strategy, { pinned, temperature: 0, ...(!isUntimed && { steps: 6 }) });
    expect(run.calls).toBe(calls);
    expect(run.tokens).not.toContain(MASK);
  });
});

describe("more steps than tokens", () => {
  it.each<[string, Strategy, number]>([
    ["even: one token a step, and then nothing is asked", { kind: "confidence" }, 5],
    ["random: the same", { kind: "random" }, 5],
    [
      "p2 without doubt: the masks are a share of the steps that are left",
      { kind: "p2", eta: 0 },
      33,
    ],
    ["p2: every step asks", { kind: "p2" }, 40],
    [
      "random, by times: a step that reveals nothing asks nothing",
      { kind: "random", pace: "times" },
      4,
    ],
    [
      "by times: a step that reveals nothing asks all the same",
      { kind: "confidence", pace: "times" },
      40,
    ],
  ])("%s", async (_, strategy, calls) => {
    const run = await play(strategy, { steps: 40, temperature: 0 });
    expect(run.calls).toBe(calls);
    expect(run.tokens).not.toContain(MASK);
  });
});

describe("noise on the order", () => {
  it.each([1e300, 1e308, Number.MAX_VALUE])(
    "of %d is the order of random",
    async (orderTemperature) => {
      for (const seed of [1, 2, 3]) {
        const random = await play({ kind: "random" }, { seed });
        for (const order of [confidence, margin, entropy]) {
          const noisy = await play(order.with({ orderTemperature }), { seed });
          expect(noisy.order).toEqual(random.order);
        }
      }
    },
  );

  it.each([1e-12, 1e-300, 5e-324])("of %d is no noise", async (orderTemperature) => {
    for (const order of [confidence, margin, entropy]) {
      const certain = await play(order());
      expect((await play(order.with({ orderTemperature }))).order).toEqual(certain.order);
    }
  });
});

describe("p2", () => {
  it("remasks nothing with eta 0, and something with eta above", async () => {
    const runs = (eta: number) =>
      Promise.all([1, 2, 3, 4].map((seed) => play({ kind: "p2", eta }, { seed, steps: 8 })));
    const remasksOf = async (eta: number) =>
      (await runs(eta)).reduce((sum, { remasks }) => sum + remasks, 0);
    expect(await remasksOf(0)).toBe(0);
    expect(await remasksOf(1)).toBeGreaterThan(0);
  });
});

describe("a suppressed token", () => {
  /** Token 0 is the likeliest at the surest positions. */
  const logits: Logits = (_, __, position) =>
    position < 2 ? Float32Array.of(9, 3, 0.5, 0) : Float32Array.of(0, 3, 1 + position, 0);

  it.each<[string, Strategy]>([
    ["confidence", { kind: "confidence" }],
    ["confidence of drawn tokens", { kind: "confidence", of: "drawn" }],
    ["margin", { kind: "margin" }],
    ["entropy", { kind: "entropy" }],
    ["threshold", { kind: "threshold", tau: 1 }],
    ["entropy-bounded", { kind: "entropy-bounded", gamma: 0 }],
    ["factor", { kind: "factor", factor: 0 }],
    ["rcr", { kind: "rcr" }],
    ["editing", { kind: "editing", tau: 1 }],
  ])("comes last: %s", async (_, strategy) => {
    const denoiser = new TableDenoiser(LENGTH, { judgesRevealed: true }, logits, true);
    const run = prepare({ strategy, topP: 1, temperature: 0, quirks: "paper" }, denoiser.model);
    const { events } = await collect(
      runEvents(denoiser, { ...run, suppressed: new Set<TokenId>([0]) }),
    );
    expect(told(events).order).toEqual([[4], [3], [2], [0], [1]]);
  });
});

describe("a denoiser without statistics", () => {
  const drawn = (kind: string): [string, Strategy] => [
    `${kind}, drawn`,
    { kind, of: "drawn" } as Strategy,
  ];
  const run = (strategy: Strategy, options: SamplerOptions = {}) => {
    const denoiser = new TableDenoiser(LENGTH, { judgesRevealed: true }, tableLogits, true);
    const bare = { model: denoiser.model, forward: denoiser.forward.bind(denoiser) };
    return sample(bare, { strategy, ...options });
  };
  const lacking = { code: "denoiser_invalid", message: "The denoiser has no `statistics`" };
  const NEEDS_ROWS = ["random", "remdm-llada", "editing"];

  it.each([
    ...ALL.filter(([kind]) => NEEDS_ROWS.includes(kind)),
    ...["confidence", "threshold", "factor", "rcr", "p2"].map(drawn),
  ])("is enough for %s", async (_, strategy) => {
    const { tokens } = await run(strategy);
    expect(tokens[0]).not.toContain(MASK);
  });

  it.each(ALL.filter(([kind]) => !NEEDS_ROWS.includes(kind) && !kind.endsWith("drawn tokens")))(
    "is refused by %s",
    async (_, strategy) => {
      await expect(run(strategy)).rejects.toMatchObject(lacking);
    },
  );

  it("is refused by p2 as the paper has it, and by random with suppressed tokens", async () => {
    const paper = run({ kind: "p2", of: "drawn" }, { quirks: "paper" });
    await expect(paper).rejects.toMatchObject(lacking);
    await expect(run({ kind: "random" }, { suppressed: [0] })).rejects.toMatchObject(lacking);
  });
});
