/** The loop that asks first: what a strategy is told, what becomes of what it selects, and what is refused. */
import { describe, expect, it } from "@jest/globals";
import {
  defineStrategy,
  sample,
  sampleEvents,
  type Denoiser,
  type Row,
  type RowStep,
  type SamplerEvent,
  type Selection,
  type StatisticName,
  type StatisticsRequest,
} from "../../../src/sampler/index.ts";
import { collect, replay } from "../support/replay.ts";
import { statisticOf } from "../../../examples/parity/peers/rowStatistics.ts";
import { MASK, TableDenoiser, tableLogits, VOCAB_SIZE } from "../support/tableDenoiser.ts";

const TEXTS = { source: "a test", summary: "for the test" } as const;
const ALL = ["logMass", "maskLogit", "max", "argmax", "second", "entropy", "given"] as const;

/** Rows of revealed positions may be asked for. */
const told = (length: number) => new TableDenoiser(length, {}, tableLogits, true);

/** @param select of any origin: a strategy may be written in JavaScript. */
function selecting(select: (step: RowStep, rows: readonly Row<"max">[]) => unknown) {
  return defineStrategy({
    kind: "selecting",
    ...TEXTS,
    statistics: ["max"],
    revealed: true,
    select: (_, step, rows) => select(step, rows) as Selection,
  });
}

const at = (rows: readonly { readonly position: number }[]): number[] =>
  rows.map(({ position }) => position);

/** Reveals, remasks and redraws, each now and then. */
const restless = selecting((_, rows) => ({
  reveal: at(rows.filter((row) => row.masked && row.uniform < 0.5)),
  remask: at(rows.filter((row) => !row.masked && row.uniform < 0.2)),
  redraw: at(rows.filter((row) => !row.masked && row.uniform > 0.8)),
}));

describe("a strategy is told", () => {
  it("every statistic of every free position, with what stands there", async () => {
    const [steps, length] = [4, 5];
    const seen: { step: RowStep; rows: readonly Row<StatisticName>[] }[] = [];
    const watching = defineStrategy({
      kind: "watching",
      ...TEXTS,
      statistics: ALL,
      revealed: true,
      select: (_, step, rows) => {
        seen.push({ step, rows });
        return { reveal: at(rows.filter(({ masked }) => masked).slice(0, 1)) };
      },
    });
    const denoiser = told(length);
    const pinned = new Map([[2, 3]]);
    await sample(denoiser, { strategy: watching, steps, pinned });
    expect(seen.map(({ step }) => step.index)).toEqual([0, 1, 2, 3]);
    seen.forEach(({ step, rows }, i) => {
      expect(step).toMatchObject({ steps, vocabSize: VOCAB_SIZE, quirks: "original" });
      expect(step.alphaT).toBe(1 - step.t);
      expect(step.sigmaMax).toBe(i === 0 ? 1 : Math.min(1, step.s / step.alphaT));
      expect(at(rows)).toEqual([0, 1, 3, 4]);
      const text = [...pinned].reduce(
        (tokens, [position, token]) => tokens.with(position, token),
        [...new Array<number>(length).fill(MASK)],
      );
      for (const { position, token } of rows) text[position] = token;
      expect(rows.map(({ masked }) => masked)).toEqual(rows.map(({ token }) => token === MASK));
      expect(rows.filter(({ masked }) => !masked)).toHaveLength(i);
      const sigma = Math.fround(-Math.log(1 - (1 - 1e-3) * step.t));
      for (const row of rows) {
        expect(row.uniform).toBeGreaterThanOrEqual(0);
        expect(row.uniform).toBeLessThan(1);
        const logits = tableLogits(text, sigma, row.position);
        for (const name of ALL) {
          expect(row[name]).toBeCloseTo(statisticOf(name, logits, MASK, row.token), 5);
        }
      }
    });
  });

  it("of masked positions alone, unless it says otherwise", async () => {
    const counts: number[] = [];
    const one = defineStrategy({
      kind: "one",
      ...TEXTS,
      statistics: ["max"],
      select: (_, __, rows) => {
        counts.push(rows.length);
        return { reveal: [rows[0].position] };
      },
    });
    // A table that refuses rows of what is revealed.
    const { stats } = await sample(new TableDenoiser(3), { strategy: one, steps: 5 });
    expect(counts).toEqual([3, 2, 1]); // and then nothing can happen any more
    expect(stats).toEqual({
      forwardCalls: 3,
      forwardRows: 3,
      rounds: 3,
      sequences: 3,
      steps: 5,
      tokensPerForward: 1,
    });
  });

  it("its options, every one said", async () => {
    const seen: unknown[] = [];
    const strategy = defineStrategy({
      kind: "optioned",
      ...TEXTS,
      options: { doubt: { type: "number", default: 0.5, range: "[0, 1]", help: "how much" } },
      statistics: ["max"],
      select: (options) => {
        seen.push(options);
        return {};
      },
    });
    await sample(new TableDenoiser(2), { strategy, steps: 1 });
    await sample(new TableDenoiser(2), { strategy: strategy({ doubt: 0.1 }), steps: 1 });
    expect(seen).toEqual([{ doubt: 0.5 }, { doubt: 0.1 }]);
  });
});

it("the surest first: as many a step as are left over the steps that are left", async () => {
  const surest = [3, 0, 4, 1, 2, 5];
  // Position surest[i] is the surer the smaller i, whatever stands elsewhere; its likeliest token is 0, 2 or 3.
  const likeliest = (position: number): number => [0, 2, 3][position % 3];
  const denoiser = new TableDenoiser(6, {}, (_, __, position) =>
    Float32Array.from({ length: VOCAB_SIZE }, (_, v) =>
      v === likeliest(position) ? 8 - surest.indexOf(position) : 0,
    ),
  );
  const strategy = defineStrategy({
    kind: "surest",
    ...TEXTS,
    statistics: ["max"],
    select: (_, { index, steps }, rows) => {
      const count = Math.ceil(rows.length / (steps - index));
      return { reveal: at([...rows].sort((a, b) => b.max - a.max).slice(0, count)) };
    },
  });
  // A nucleus this small holds the likeliest token alone.
  const options = { strategy, steps: 4, topP: 1e-3 };
  const { events, outcome } = await collect(sampleEvents(denoiser, options));
  const revealed = events.filter((event) => event.type === "revealed");
  expect(revealed.map(({ step, positions }) => [step, ...positions])).toEqual([
    [0, 0, 3],
    [1, 1, 4],
    [2, 2],
    [3, 5],
  ]);
  expect(outcome.tokens).toEqual([[0, 1, 2, 3, 4, 5].map(likeliest)]);
  // Nothing was left for the last step.
  expect(outcome.stats).toEqual({
    forwardCalls: 4,
    forwardRows: 6,
    rounds: 4,
    sequences: 4,
    steps: 4,
    tokensPerForward: 6 / 4,
  });
});

describe("a sample does not depend on its batch", () => {
  it.each([
    ["one window", {}],
    ["three windows", { stride: 2, strides: 2 }],
  ])("%s", async (_, windows) => {
    const options = { strategy: restless, steps: 6, seed: 9, ...windows };
    const { tokens } = await sample(told(6), { ...options, samples: 7, batchSize: 7 });
    for (const batchSize of [1, 3]) {
      const again = await sample(told(6), { ...options, samples: 7, batchSize });
      expect(again.tokens).toEqual(tokens);
    }
    const alone = await sample(told(6), { ...options, firstSample: 4 });
    expect(alone.tokens[0]).toEqual(tokens[4]);
    expect(new Set(tokens.map((text) => text.join())).size).toBeGreaterThan(1);
  });
});

describe("the events", () => {
  const options = { strategy: restless, steps: 6, samples: 5, batchSize: 2, seed: 3 };

  it("tell remasks before reveals, with what stood there, and add up to the text", async () => {
    const windows = { stride: 2, strides: 2 };
    const { events, outcome } = await collect(sampleEvents(told(5), { ...options, ...windows }));
    const texts = new Map<number, number[]>();
    let redraws = 0;
    for (const [i, event] of events.entries()) {
      if (event.type !== "revealed" && event.type !== "remasked") continue;
      const text = texts.get(event.sample) ?? new Array<number>(9).fill(MASK);
      texts.set(event.sample, text);
      expect([...event.positions]).toEqual([...event.positions].sort((a, b) => a - b));
      const before = event.positions.map((position) => text[position]);
      if (event.type === "remasked") {
        expect(before).toEqual([...event.tokens]);
        expect(before).not.toContain(MASK);
        const next = events.slice(i + 1).find(({ type }) => type !== "progress");
        redraws += sharedPositions(event, next);
      } else {
        expect(new Set(before)).toEqual(new Set([MASK]));
        expect(event.probabilities.every((p) => p > 0 && p <= 1)).toBe(true);
      }
      event.positions.forEach((position, n) => {
        text[position] = event.type === "revealed" ? event.tokens[n] : MASK;
      });
    }
    expect(redraws).toBeGreaterThan(5);
    expect(outcome.tokens.map((tokens) => [...tokens])).toEqual(
      [0, 1, 2, 3, 4].map((n) => texts.get(n)),
    );
    const order = events.flatMap((event) =>
      event.type === "revealed" || event.type === "remasked"
        ? [`${event.sample} ${event.step} ${event.type}`]
        : [],
    );
    expect(new Set(order).size).toBe(order.length); // one of each a sample and step
  });

  it("count calls and rows as the denoiser does, for each sample too", async () => {
    const denoiser = told(5);
    const statistics: StatisticsRequest[] = [];
    const counting: Denoiser = {
      model: denoiser.model,
      forward: (request) => denoiser.forward(request),
      statistics: (request) => {
        statistics.push(request);
        return denoiser.statistics(request);
      },
    };
    const { events, outcome } = await collect(sampleEvents(counting, { ...options, window: 1 }));
    const logits = denoiser.requests.filter((request) => !("statistics" in request));
    const rows = logits.reduce((sum, request) => sum + request.rows.length, 0);
    const revealed = events.flatMap((event) =>
      event.type === "revealed" ? [...event.positions] : [],
    );
    expect(outcome.stats.forwardRows).toBe(rows);
    expect(revealed).toHaveLength(rows);
    // One forward a step and batch, its rows of logits included; and the last step, where masks are left.
    expect(statistics).toHaveLength(3 * 6);
    const last = events.filter((event) => event.type === "revealed" && event.step === 6);
    const ended = new Set(last.map((event) => ("sample" in event ? event.sample : -1)));
    expect(ended.size).toBeGreaterThan(0);
    for (const event of events) {
      if (event.type !== "finished") continue;
      expect(event.forwardCalls).toBe(ended.has(event.sample) ? 7 : 6);
    }
    const batches = new Set(Array.from(ended, (n) => Math.floor(n / 2)));
    expect(outcome.stats.forwardCalls).toBe(18 + batches.size);
    const progress = events.filter((event) => event.type === "progress");
    expect(progress.at(-1)).toMatchObject({ done: 30, total: 30, finishedSamples: 5 });
    progress.forEach(({ done }, i) => {
      if (i > 0) expect(done).toBeGreaterThanOrEqual(progress[i - 1].done);
    });
  });

  it("are the same where all is pinned: nothing is asked", async () => {
    const denoiser = told(2);
    const pinned = new Map([
      [0, 2],
      [1, 3],
    ]);
    const { tokens, stats } = await sample(denoiser, { ...options, samples: 1, pinned });
    expect(tokens).toEqual([[2, 3]]);
    expect(stats).toMatchObject({ forwardCalls: 0, forwardRows: 0 });
    expect(denoiser.requests).toEqual([]);
  });
});

it("one cache a run, which is released, also when the strategy throws", async () => {
  const names = new Set<number | undefined>();
  const released: number[] = [];
  const table = told(3);
  const denoiser: Denoiser = {
    model: table.model,
    forward: (request) => table.forward(request),
    statistics: (request) => {
      names.add(request.cache);
      return table.statistics(request);
    },
    release: (cache) => released.push(cache),
  };
  const failing = selecting(({ index }) => {
    if (index === 1) throw new RangeError("my own mistake");
    return {};
  });
  await expect(sample(denoiser, { strategy: failing, steps: 3 })).rejects.toThrow(
    new RangeError("my own mistake"),
  );
  expect([...names]).toEqual(released);
  expect(released).toHaveLength(1);
});

describe("what a strategy must not select", () => {
  const second = (what: (rows: readonly Row<"max">[]) => unknown) =>
    selecting(({ index }, rows) => (index === 0 ? { reveal: [0] } : what(rows)));
  it.each<[string, (rows: readonly Row<"max">[]) => unknown, string]>([
    ["a position that is none", () => ({ reveal: [3] }), "names position 3 in reveal"],
    ["one that is pinned", () => ({ reveal: [2] }), "names position 2 in reveal"],
    ["half a position", () => ({ reveal: [0.5] }), "names position 0.5 in reveal"],
    ["no number", () => ({ reveal: ["1"] }), 'names position "1" in reveal'],
    ["a hole", () => ({ reveal: new Array<number>(1) }), "names position undefined in reveal"],
    ["NaN", () => ({ reveal: [NaN] }), "names position NaN in reveal"],
    ["a row", (rows) => ({ reveal: [rows[1]] }), "names position object in reveal"],
    ["one twice", () => ({ reveal: [1, 1] }), "names position 1 in reveal"],
    ["one for two ends", () => ({ remask: [0], redraw: [0] }), "names position 0 in redraw"],
    ["a revealed one for a reveal", () => ({ reveal: [0] }), "names position 0 in reveal"],
    ["a masked one for a remask", () => ({ remask: [1] }), "names position 1 in remask"],
    ["a masked one for a redraw", () => ({ redraw: [1] }), "names position 1 in redraw"],
    ["nothing", () => undefined, "selects nothing"],
    ["null", () => null, "selects nothing"],
    ["a list", () => [1], "selects nothing"],
    ["a number for a list", () => ({ reveal: 1 }), "has a reveal that is no array"],
    ["null for a list", () => ({ remask: null }), "has a remask that is no array"],
    ["a set", () => ({ redraw: new Set([0]) }), "has a redraw that is no array"],
    ["a misspelt list", () => ({ reveals: [1] }), 'has "reveals" in what it selects'],
    ["a promise", async () => ({ reveal: [1] }), "selects asynchronously"],
  ])("%s", async (_, what, message) => {
    const attempt = sample(told(3), {
      strategy: second(what),
      steps: 4,
      pinned: new Map([[2, 0]]),
    });
    await expect(attempt).rejects.toMatchObject({
      code: "strategy_invalid",
      message: `The strategy selecting ${message} in step 1`,
      remedy: expect.stringMatching(/select|Name each of the rows'/),
    });
  });

  it("a remask, where it is not told of revealed positions", async () => {
    const blind = defineStrategy({
      kind: "blind",
      ...TEXTS,
      statistics: ["max"],
      select: (_, { index }) => (index === 0 ? { reveal: [0] } : { remask: [0] }),
    });
    await expect(sample(new TableDenoiser(3), { strategy: blind, steps: 3 })).rejects.toThrow(
      "The strategy blind names position 0 in remask in step 1",
    );
  });
});

describe("a denoiser whose statistics are not sound", () => {
  const quiet = selecting(() => ({}));
  const answering = (value: number): Denoiser => ({
    model: told(3).model,
    forward: (request) => told(3).forward(request),
    statistics: async ({ rows }) => new Float32Array(rows.length).fill(value, 1),
  });
  it.each([NaN, Infinity])("%d is named with its place", async (value) => {
    const attempt = sample(answering(value), { strategy: quiet, steps: 2, firstSample: 5 });
    await expect(attempt).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: `The network's row for sample 5, step 0, position 1 has ${value} as its max`,
    });
  });

  it("-Infinity is a logarithm like any other", async () => {
    const { tokens } = await sample(answering(-Infinity), { strategy: quiet, steps: 2 });
    expect(tokens[0]).not.toContain(MASK);
  });

  it("none at all", async () => {
    const { model } = told(3);
    const bare: Denoiser = { model, forward: (request) => told(3).forward(request) };
    await expect(sample(bare, { strategy: quiet, steps: 2 })).rejects.toMatchObject({
      code: "denoiser_invalid",
      message: "The denoiser has no `statistics`",
    });
  });

  it("too few", async () => {
    const short: Denoiser = { ...answering(0), statistics: async () => new Float32Array(2) };
    await expect(sample(short, { strategy: quiet, steps: 2 })).rejects.toThrow(
      "The denoiser answered with 2 statistics instead of 3",
    );
  });
});

it("a statistic that was not asked for is refused instead of undefined", async () => {
  const careless = selecting((_, rows) => ({
    reveal: at(rows.filter((row) => (row as Row<StatisticName>).entropy < 1)),
  }));
  await expect(sample(told(3), { strategy: careless, steps: 2 })).rejects.toMatchObject({
    code: "strategy_invalid",
    message: "The strategy selecting reads entropy of a row without asking for it",
    remedy: 'List "entropy" in its statistics.',
  });
});

it("the texts that the events tell are those of the outcome, in one window", async () => {
  const { events, outcome } = await collect(
    sampleEvents(told(4), { strategy: restless, steps: 5, samples: 3 }),
  );
  const states = replay(events, new Array<number>(4).fill(MASK), MASK);
  expect(outcome.tokens.map((tokens) => [...tokens])).toEqual([0, 1, 2].map((n) => states.get(n)));
});

function sharedPositions(
  remasked: Extract<SamplerEvent, { type: "remasked" }>,
  next: SamplerEvent | undefined,
): number {
  if (next?.type !== "revealed" || next.sample !== remasked.sample) return 0;
  return next.step === remasked.step
    ? next.positions.filter((position) => remasked.positions.includes(position)).length
    : 0;
}
