/**
 * Banned tokens and guidance in every loop: a run with them draws what the same run draws from a table that has been
 * changed by hand.
 */
import { describe, expect, it } from "@jest/globals";
import {
  defineStrategy,
  prepare,
  RemdmError,
  sample,
  sampleEvents,
  type Denoiser,
  type DenoiserModel,
  type ForwardRequest,
  type SamplerOptions,
  type TopRow,
} from "../../src/sampler/index.ts";
import { checkBeforeLoading, withPinned } from "../../src/sampler/prepare.ts";
import { BUILT_IN } from "../../src/sampler/strategies/builtIn.ts";
import { collect } from "./support/replay.ts";
import {
  guidedLogits,
  MASK,
  TableDenoiser,
  tableLogits,
  unevenLogits,
  type Logits,
} from "./support/tableDenoiser.ts";

/** Reveals the position that is the surest, and remasks one now and then. */
const surest = defineStrategy({
  kind: "surest",
  source: "a test",
  summary: "for the test",
  ranksSuppressed: true,
  statistics: ["max", "given"],
  revealed: true,
  select: (_, { index }, rows) => {
    const masked = rows.filter((row) => row.masked).sort((a, b) => b.max - a.max);
    const remask = rows.filter((row) => !row.masked && index % 3 === 2 && row.given < -0.5);
    return {
      reveal: masked.slice(0, 1).map(({ position }) => position),
      remask: remask.map(({ position }) => position),
    };
  },
});

const BOS = 3;
const SEDD = { kind: "sedd" } as const;
const AR = { kind: "ar", bosId: BOS, timeConditioning: false } as const;

type Loop = readonly [string, SamplerOptions, Partial<DenoiserModel>];
const MASKED_LOOPS: readonly Loop[] = [
  ["draw first", { strategy: { kind: "remdm-cap", eta: 0.2 }, steps: 9 }, {}],
  ["draw first, psi", { strategy: { kind: "remdm-conf" }, steps: 9 }, {}],
  ["ask first", { strategy: surest, steps: 9 }, {}],
  ["ask first, SEDD", { steps: 9 }, SEDD],
];
const LOOPS: readonly Loop[] = [...MASKED_LOOPS, ["left to right", {}, AR]];

const LENGTH = 6;
/** Rows of revealed positions may be asked for. */
const table = (model: Partial<DenoiserModel>, logits: Logits) =>
  new TableDenoiser(LENGTH, model, logits, true);

const banning =
  (logits: Logits, banned: readonly number[]): Logits =>
  (tokens, sigma, position) =>
    logits(tokens, sigma, position).map((logit, v) => (banned.includes(v) ? -Infinity : logit));

async function told(denoiser: Denoiser, options: SamplerOptions) {
  const { events, outcome } = await collect(sampleEvents(denoiser, options));
  return { events, outcome };
}

describe("banned tokens", () => {
  const banned = [2, 0, 2];
  const pinned = new Map([[1, 2]]);
  const many = { samples: 12, batchSize: 5, seed: 4 };

  it.each(LOOPS)("%s: draws as from a table without them", async (_, options, model) => {
    for (const topP of options.strategy === undefined ? [1] : [0.6, 1]) {
      const run = { ...options, ...many, topP };
      const denoiser = table(model, tableLogits);
      const plain = table(model, banning(tableLogits, [0, 2]));
      expect(await told(denoiser, { ...run, banned })).toEqual(await told(plain, run));
      expect(denoiser.requests.length).toBeGreaterThan(3);
      for (const request of denoiser.requests) {
        expect([request.banned, request.guidance]).toEqual([Int32Array.of(0, 2), undefined]);
      }
    }
  });

  it.each(LOOPS)("%s: are never drawn, and a prompt may have them", async (_, options, model) => {
    const denoiser = table(model, tableLogits);
    const { tokens } = await sample(denoiser, { ...options, ...many, topP: 1, banned, pinned });
    expect(tokens.every((ids) => ids[1] === 2 && !ids.includes(0))).toBe(true);
    expect(tokens.flat().filter((token) => token === 2)).toHaveLength(12);
  });

  it.each(LOOPS)("%s: are left out of no request by default", async (_, options, model) => {
    for (const more of [{}, { banned: [] }]) {
      const denoiser = table(model, tableLogits);
      await sample(denoiser, { ...options, ...more });
      for (const request of denoiser.requests) expect(request).not.toHaveProperty("banned");
    }
  });

  it.each(LOOPS)("%s: a denoiser that draws one is refused", async (_, options, model) => {
    const denoiser = table(model, tableLogits);
    const deaf: Denoiser = {
      model: denoiser.model,
      forward: (request) => denoiser.forward(withoutBans(request)),
      statistics: (request) => denoiser.statistics(withoutBans(request)),
    };
    const run = sample(deaf, { ...options, ...many, topP: 1, banned });
    await expect(run).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: expect.stringMatching(/^The denoiser gave token [02] a chance, which is banned$/),
    });
  });

  it("begin and, in the original, end an ar text, where they are not drawn", async () => {
    const run = { ...many, banned: [BOS] };
    const model = { ...AR, eosId: 0 };
    for (const [options, ends] of [
      [{}, true],
      [{ quirks: "paper" }, false],
      [{ until: "end" }, false],
    ] as const) {
      const { tokens } = await sample(table(model, tableLogits), { ...run, ...options });
      for (const ids of tokens) {
        const places = ids.flatMap((token, place) => (token === BOS ? [place] : []));
        expect(places).toEqual(ends ? [0, LENGTH - 1] : [0]);
      }
    }
  });

  it("reach a denoiser that answers with the top of rows", async () => {
    const denoiser = table({}, tableLogits);
    const options = { strategy: "mdlm", topP: 0.6, banned, ...many } as const;
    const asked: ForwardRequest[] = [];
    const tops: Denoiser = {
      model: denoiser.model,
      forward: () => Promise.reject(new Error("whole rows are asked for")),
      top: async (request) => {
        asked.push(request);
        return wholeTops(await denoiser.forward(request), denoiser.model);
      },
    };
    expect((await sample(tops, options)).tokens).toEqual((await sample(denoiser, options)).tokens);
    expect(new Set(asked.map((request) => request.banned?.join()))).toEqual(new Set(["0,2"]));
  });
});

function withoutBans<Request extends ForwardRequest>(request: Request): Request {
  const copy = { ...request };
  Reflect.deleteProperty(copy, "banned");
  return copy;
}

/** Every token that is possible, of each row. */
function wholeTops(rows: Float32Array, { vocabSize, maskId }: DenoiserModel): TopRow[] {
  return Array.from({ length: rows.length / vocabSize }, (_, n) => {
    const row = rows.subarray(n * vocabSize, (n + 1) * vocabSize);
    const ids = Int32Array.from(row.keys()).filter((v) => v !== maskId && row[v] > -Infinity);
    const logits = Float32Array.from(ids, (v) => row[v]);
    const logMass = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    return { ids, logits, rest: 0, logMass };
  });
}

describe("guidance", () => {
  const pinned = new Map([
    [4, 0],
    [0, 3],
  ]);
  const many = { samples: 7, batchSize: 3, seed: 9, pinned };

  it.each(MASKED_LOOPS)("%s: draws as from a guided table", async (_, options, model) => {
    const run = { ...options, ...many };
    const denoiser = table(model, unevenLogits);
    const plain = table(model, guidedLogits(unevenLogits, 1.5, [0, 4]));
    const guided = await told(denoiser, { ...run, guidance: 1.5 });
    expect(guided).toEqual(await told(plain, run));
    expect(guided.events).not.toEqual((await told(table(model, unevenLogits), run)).events);
    for (const { guidance, batch } of denoiser.requests) {
      const masked = Array.from({ length: batch }, (_, b) => [b * LENGTH, b * LENGTH + 4]).flat();
      expect(guidance).toEqual({ scale: 1.5, masked: Int32Array.from(masked) });
    }
  });

  it.each(MASKED_LOOPS)("%s: comes before bans", async (_, options, model) => {
    const run = { ...options, ...many };
    const plain = table(model, banning(guidedLogits(unevenLogits, 2, [0, 4]), [3]));
    const guided = { ...run, guidance: 2, banned: [3] };
    expect(await told(table(model, unevenLogits), guided)).toEqual(await told(plain, run));
  });

  it.each(MASKED_LOOPS)("%s: of scale 0 is not asked for", async (_, options, model) => {
    const denoiser = table(model, unevenLogits);
    const none = table(model, unevenLogits);
    const run = { ...options, samples: 2 };
    expect(await told(denoiser, { ...run, guidance: 0 })).toEqual(await told(none, run));
    for (const request of denoiser.requests) expect(request).not.toHaveProperty("guidance");
  });

  it.each(MASKED_LOOPS.slice(0, 3))(
    "%s: hides what is given while it is in the window, never what the window kept",
    async (_, options) => {
      const denoiser = table({}, unevenLogits);
      const windows = { stride: 2, strides: 2, steps: 4 };
      await sample(denoiser, { ...options, ...windows, pinned, guidance: 1 });
      const masked = denoiser.requests.map(({ guidance }) => guidance?.masked.join());
      expect([...new Set(masked)]).toEqual(["0,4", "2", "0"]);
      const last = denoiser.requests.at(-1);
      expect(Array.from(last?.tokens ?? []).indexOf(MASK)).toBeGreaterThan(0);
    },
  );
});

const model: DenoiserModel = { vocabSize: 5, maskId: MASK, length: 6, timeConditioning: false };
const drawFirst = { strategy: { kind: "mdlm" } } as const;
const askFirst = { strategy: surest } as const;
const pinned = new Map([[0, 2]]);
const ar: DenoiserModel = { ...model, kind: "ar", bosId: 0 };
const sedd: DenoiserModel = { ...model, kind: "sedd" };
const d3pm: DenoiserModel = { ...model, kind: "d3pm" };

describe("a prepared run", () => {
  it("has the tokens in order, each once, and no adjustments by default", () => {
    const { banned, suppressed, guidance } = prepare(
      { ...askFirst, banned: [4, 0, 4], suppressed: [3, 2], guidance: 0.5, pinned },
      model,
    );
    expect([[...banned], [...suppressed], guidance]).toEqual([[0, 4], [2, 3], 0.5]);
    expect(prepare({}, model)).toMatchObject({
      banned: new Set(),
      suppressed: new Set(),
      guidance: 0,
    });
    const none = { banned: [], suppressed: [], guidance: 0 };
    expect(prepare(none, model)).toEqual(prepare({}, model));
    // They ask for nothing that the original lacks.
    expect(prepare({ ...none, executor: "dense" }, model)).toMatchObject({ guidance: 0 });
  });

  it("may ban every token except one", () => {
    expect([...prepare({ banned: [0, 2, 3] }, model).banned]).toEqual([0, 2, 3]);
  });

  it("keeps what the caller changes later out of it", () => {
    const banned = [0];
    const run = prepare({ banned }, model);
    banned.push(2);
    expect([...run.banned]).toEqual([0]);
  });

  const dense = 'undefined with executor: "dense", which has no such option, as the original';
  const ids = "token ids in [0, 4] other than the mask's, 1";
  it.each<[SamplerOptions | Record<string, unknown>, DenoiserModel, string, string]>([
    [{ banned: 3 }, model, "banned", "an array of token ids; got 3"],
    [{ banned: null }, model, "banned", "an array of token ids; got null"],
    [{ banned: [5] }, model, "banned", `${ids}; got 5`],
    [{ banned: [-1] }, model, "banned", `${ids}; got -1`],
    [{ banned: [1] }, model, "banned", `${ids}; got 1`],
    [{ banned: [0.5] }, model, "banned", `${ids}; got 0.5`],
    [{ banned: ["a"] }, model, "banned", `${ids}; got "a"`],
    [{ banned: [0, 2, 3, 4] }, model, "banned", "tokens that leave at least one other to draw"],
    [{ ...askFirst, suppressed: [1] }, model, "suppressed", `${ids}; got 1`],
    [{ guidance: -1, pinned }, model, "guidance", "a number in [0, 1000000]; got -1"],
    [{ guidance: NaN, pinned }, model, "guidance", "a number in [0, 1000000]; got NaN"],
    [{ guidance: Infinity, pinned }, model, "guidance", "a number in [0, 1000000]; got Infinity"],
    [{ guidance: null, pinned }, model, "guidance", "a number in [0, 1000000]; got null"],
    [{ guidance: 1 }, model, "guidance", "0 without a prompt: guidance needs a prompt; got 1"],
    [{ banned: [0], executor: "dense" }, model, "banned", dense],
    [{ suppressed: [0], executor: "dense" }, model, "suppressed", dense],
    [{ guidance: 1, pinned, executor: "dense" }, model, "guidance", dense],
    [{ banned: [0] }, d3pm, "banned", dense],
    [{ banned: [2], executor: "dense" }, ar, "banned", dense],
    [
      { ...drawFirst, suppressed: [0] },
      model,
      "suppressed",
      "undefined with a strategy that draws",
    ],
    [
      { suppressed: [2] },
      ar,
      "suppressed",
      "undefined for an ar model, which reveals tokens in the",
    ],
    [
      { guidance: 1, pinned: new Map([[1, 2]]) },
      ar,
      "guidance",
      "undefined for an ar model, which",
    ],
  ])("%j: is refused", (options, of, option, allowed) => {
    let error: unknown;
    try {
      prepare(options, of);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: "option_invalid",
      option,
      message: expect.stringContaining(`${option} must be ${allowed}`),
    });
    expect(RemdmError.isInstance(error)).toBe(true);
  });

  it("has suppressed tokens exactly where the strategy ranks them last", () => {
    const kinds = BUILT_IN.filter((one) => "select" in one).map(({ kind }) => kind);
    expect(kinds).toContain("analytic");
    for (const kind of kinds.filter((one) => one !== "analytic")) {
      const options = { strategy: { kind }, suppressed: [2] } as SamplerOptions;
      expect([...prepare(options, { ...model, judgesRevealed: true }).suppressed]).toEqual([2]);
    }
    expect(() => prepare({ suppressed: [2] }, sedd)).toThrow(
      "suppressed must be undefined with analytic, which ranks no position after another; got an array of 1",
    );
    const unranked = defineStrategy({
      ...{ kind: "unranked", source: "a test", summary: "for the test", statistics: [] },
      select: (_, __, rows) => ({ reveal: rows.map(({ position }) => position) }),
    });
    expect(() => prepare({ strategy: unranked, suppressed: [2] }, model)).toThrow(
      "suppressed must be undefined with unranked",
    );
    expect(prepare({ strategy: unranked, suppressed: [] }, model).suppressed.size).toBe(0);
  });

  it("is guided by a prompt that comes later, and not by an empty one", () => {
    const run = checkBeforeLoading({ guidance: 2 }, { kind: "mdlm", length: 6, prompted: true });
    expect(run.guidance).toBe(2);
    expect(() => checkBeforeLoading({ guidance: 2 })).toThrow("guidance needs a prompt");
    expect(withPinned(run, pinned, model).pinned).toEqual(pinned);
    expect(() => withPinned(run, new Map(), model)).toThrow("guidance needs a prompt");
  });

  it("is checked before loading with ids that only the model can refuse", () => {
    expect([...checkBeforeLoading({ banned: [50_000, 7] }).banned]).toEqual([7, 50_000]);
    expect(() => checkBeforeLoading({ banned: [-1] })).toThrow("banned must be token ids");
    expect(() => checkBeforeLoading({ banned: [1] }, { kind: "d3pm" })).toThrow("executor");
  });
});
