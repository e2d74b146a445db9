import { describe, expect, it } from "@jest/globals";
import { Pace } from "../../../src/foundation/pace.ts";
import type { DrawRule } from "../../../src/sampler/draw/drawRule.ts";
import { RowSampler } from "../../../src/sampler/draw/rowSampler.ts";
import { drawTask, type RowTask } from "../../../src/sampler/draw/rowTask.ts";
import { drawRows, LEAST_TOKENS } from "../../../src/sampler/draw/workers/drawRows.ts";
import { MOST_ROWS, SLOT_WORDS } from "../../../src/sampler/draw/workers/sharedRows.ts";
import { PhiloxNoise, RowPool, sample, type Denoiser } from "../../../src/sampler/index.ts";
import {
  FakeThreads,
  halfway,
  MODEL,
  quick,
  stalled,
  stuck,
  tasksOf,
  topRow,
  wholeRow,
  type Behaviour,
} from "../support/rowThreads.ts";

const noise = new PhiloxNoise(2n ** 63n + 12345678901234567n);
const MANY = 130;
const whole = Array.from({ length: MANY }, (_, i) => wholeRow(i));
const top = Array.from({ length: MANY }, (_, i) => topRow(i));
const mixed = whole.map((row, i) => (i % 2 === 0 ? row : top[i]));

interface Drawing {
  readonly rule?: DrawRule;
  readonly noise?: PhiloxNoise;
  readonly signal?: AbortSignal;
  readonly model?: typeof MODEL;
}

function draw(tasks: readonly RowTask[], pool: RowPool | undefined, drawing: Drawing = {}) {
  const { rule = { topP: 0.9 }, noise: own = noise, signal, model = MODEL } = drawing;
  const sampler = new RowSampler(model, rule);
  return drawRows(tasks, { sampler, model, rule, noise: own, pace: new Pace(signal), pool });
}

/** What one sampler draws, row by row. */
function drawnHere(tasks: readonly RowTask[], rule: DrawRule = { topP: 0.9 }) {
  const sampler = new RowSampler(MODEL, rule);
  return tasks.map((task) => drawTask(sampler, task, noise));
}

const poolOf = (behaviour: Behaviour, workers = 2) => {
  const threads = new FakeThreads(behaviour);
  return { threads, pool: new RowPool({ workers }, threads.open) };
};

describe("rows that threads draw", () => {
  const rules: [string, DrawRule][] = [
    ["p = 1", { topP: 1 }],
    ["p = 0.9", { topP: 0.9 }],
    ["the paper's nucleus", { topP: 0.5, quirks: "paper" }],
    ["a temperature", { topP: 0.8, temperature: 0.7, quirks: "original" }],
    ["temperature 0", { topP: 0.9, temperature: 0 }],
    ["top-k", { topP: 0.95, topK: 20 }],
    ["top-k of one", { topP: 1, topK: 1 }],
  ];

  describe.each(rules)("under %s", (_, rule) => {
    it.each(Object.entries({ whole, top, mixed }))("are drawn to the bit, %s", async (_, rows) => {
      const tasks = tasksOf(rows);
      const { pool, threads } = poolOf(quick);
      const expected = drawnHere(tasks, rule);
      expect(await draw(tasks, pool, { rule })).toEqual(expected);
      const handed = threads.pieces.flatMap((piece) => piece.rows).length;
      expect(handed).toBeGreaterThan(MANY / 2);
      expect(threads.drawn).toBe(handed);
    });
  });

  it("are the threads' own draws: exchanged ones are seen", async () => {
    const exchanging: Behaviour = (piece, shared, drawer) => {
      drawer.draw(piece);
      const slot = shared.slots[piece.slot];
      const [first, second] = [slot.drawOf(0), slot.drawOf(1)];
      if (first === undefined || second === undefined) return;
      slot.put(0, second);
      slot.put(1, first);
    };
    const { pool } = poolOf(exchanging);
    const tasks = tasksOf(whole);
    const drawn = await draw(tasks, pool);
    expect(drawn).not.toEqual(drawnHere(tasks));
    expect(new Set(drawn)).toHaveProperty("size", MANY);
  });

  it.each([1, 2, 5, 64])("are the same for %d threads", async (workers) => {
    const { pool, threads } = poolOf(quick, workers);
    const tasks = tasksOf(whole);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    expect(threads.ends.length).toBe(workers);
  });

  it.each(Object.entries({ stalled, stuck, halfway }))(
    "are drawn here where threads are %s",
    async (_, behaviour) => {
      const { pool, threads } = poolOf(behaviour);
      const tasks = tasksOf(mixed);
      expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
      expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
      expect(threads.pieces.length).toBeGreaterThan(1);
    },
  );

  it("stay the caller's", async () => {
    const copies = whole.map((row) => row.slice());
    await draw(tasksOf(whole), poolOf(quick).pool);
    expect(whole).toEqual(copies);
  });

  it("are as many as there is room for in a slot, however few tokens they list", async () => {
    const tiny = { ids: Int32Array.of(3, 9), logits: Float32Array.of(1, 0.5), rest: 0 };
    const row = { ...tiny, logMass: 1 + Math.log(1 + Math.exp(-0.5)) };
    const tasks = tasksOf([...whole, ...Array.from({ length: 3 * MOST_ROWS }, () => row)]);
    const { pool, threads } = poolOf(quick, 1);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    const sizes = threads.pieces.map((piece) => piece.rows.length);
    expect(Math.max(...sizes)).toBe(MOST_ROWS);
  });

  it("are drawn here where one is larger than a slot", async () => {
    const model = { vocabSize: SLOT_WORDS + 1, maskId: 0 };
    const row = new Float32Array(model.vocabSize);
    const { pool, threads } = poolOf(quick);
    const tasks = tasksOf([row, row]);
    const alone = await draw(tasks, undefined, { model });
    expect(await draw(tasks, pool, { model })).toEqual(alone);
    expect(threads.pieces).toEqual([]);
  });

  it("are drawn here where they are few, and no thread starts", async () => {
    const { pool, threads } = poolOf(quick);
    const few = Math.ceil(LEAST_TOKENS / MODEL.vocabSize) - 1;
    expect(few).toBeLessThan(MANY);
    await draw(tasksOf(whole.slice(0, few)), pool);
    expect(threads.ends).toEqual([]);
    await draw(tasksOf(whole.slice(0, few + 1)), pool);
    expect(threads.ends.length).toBe(2);
  });

  it("are drawn here where the noise is not the default one", async () => {
    class Derived extends PhiloxNoise {}
    const { pool, threads } = poolOf(quick);
    await draw(tasksOf(whole), pool, { noise: new Derived(1n) });
    expect(threads.ends).toEqual([]);
  });
});

describe("a row without a draw", () => {
  const bad = (...places: readonly number[]) =>
    tasksOf(
      whole.map((row, i) => (places.includes(i) ? row.with(5, [NaN, Infinity][i % 2]) : row)),
    );

  it.each(Object.entries({ quick, stalled, halfway }))(
    "ends the call with the error of the first one, threads %s",
    async (_, behaviour) => {
      for (const places of [[0], [MANY - 1], [70, 20], [1, 2, 3], [MANY - 2, 3]]) {
        const { pool } = poolOf(behaviour);
        const first = Math.min(...places);
        await expect(draw(bad(...places), pool)).rejects.toMatchObject({
          code: "denoiser_invalid",
          message: expect.stringContaining(`position ${first} holds ${[NaN, Infinity][first % 2]}`),
        });
      }
    },
  );

  it("leaves the pool as it was", async () => {
    const { pool } = poolOf(quick, 1);
    for (let i = 0; i < 5; i++) await expect(draw(bad(3), pool)).rejects.toThrow(/position 3/);
    const tasks = tasksOf(whole);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    expect(pool.size).toBe(1);
    expect(pool.start().map((worker) => worker.isFree)).toEqual([true]);
  });
});

describe("runs that share a pool", () => {
  it("do not see each other's draws", async () => {
    // So many rows that each call rests, and the others go on meanwhile.
    const tasks = Array.from({ length: 40 }, () => tasksOf(whole)).flat();
    const { pool } = poolOf(quick, 1);
    const rules = [{ topP: 0.9 }, { topP: 0.5 }, { topP: 1 }];
    const drawn = await Promise.all(rules.map((rule) => draw(tasks, pool, { rule })));
    expect(drawn).toEqual(rules.map((rule) => drawnHere(tasks, rule)));
  });

  it("end on their signal", async () => {
    const tasks = Array.from({ length: 60 }, () => tasksOf(whole)).flat();
    const { pool } = poolOf(stalled);
    const controller = new AbortController();
    const drawing = draw(tasks, pool, { signal: controller.signal });
    controller.abort("enough");
    await expect(drawing).rejects.toMatchObject({ code: "aborted", cause: "enough" });
  });
});

describe("a worker", () => {
  const settings = { model: MODEL, rule: { topP: 0.9 }, seed: 5n };

  it("takes no rows until those before them are drawn and fetched", () => {
    const { pool, threads } = poolOf(quick, 1);
    const [worker] = pool.start();
    const handed = [worker.hand(tasksOf(whole.slice(0, 2)), settings)];
    expect([worker.isFree, handed[0].isOver]).toEqual([true, true]);
    handed.push(worker.hand(tasksOf(whole.slice(2, 4)), settings));
    expect(worker.isFree).toBe(false);
    handed[0].release();
    expect(worker.isFree).toBe(true);
    expect(threads.pieces.map(({ slot }) => slot)).toEqual([0, 1]);
  });

  it("takes no rows into a place that it has not left, though nobody wants them", () => {
    const { pool } = poolOf(stalled, 1);
    const [worker] = pool.start();
    for (let i = 0; i < 2; i++) worker.hand(tasksOf(whole.slice(0, 2)), settings).release();
    expect(worker.isFree).toBe(false);
  });

  it("leaves out the rows that were taken back", () => {
    const late: (() => void)[] = [];
    const { pool } = poolOf((piece, _, drawer) => late.push(() => drawer.draw(piece)), 1);
    const [worker] = pool.start();
    const handed = worker.hand(tasksOf(whole.slice(0, 3)), settings);
    expect([handed.takeBack(1), handed.takeBack(1)]).toEqual([true, false]);
    late[0]();
    expect([0, 1, 2].map((row) => handed.drawOf(row) !== undefined)).toEqual([true, false, true]);
    expect(handed.takeBack(0)).toBe(false);
  });
});

describe("RowPool", () => {
  it.each([-1, 65, 0.5, null, "2"])("refuses %j workers", (workers) => {
    expect(() => new RowPool({ workers } as never)).toThrow(
      expect.objectContaining({ code: "option_invalid", option: "workers" }),
    );
  });

  it.each([null, 3])("refuses %j for its options", (options) => {
    expect(() => new RowPool(options as never)).toThrow(
      expect.objectContaining({ code: "option_invalid", option: "options" }),
    );
  });

  it("starts nothing without workers", async () => {
    const { pool, threads } = poolOf(quick, 0);
    const tasks = tasksOf(whole);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    expect([threads.ends, pool.size, pool.failure]).toEqual([[], 0, undefined]);
  });

  it("does without threads that cannot start, and says why", async () => {
    const refused = new Error("not allowed");
    const pool = new RowPool({ workers: 2 }, () => {
      throw refused;
    });
    const tasks = tasksOf(whole);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    expect([pool.size, pool.failure]).toEqual([0, refused]);
  });

  it("does without a thread that has died, and says why", async () => {
    const { pool, threads } = poolOf(stuck);
    const tasks = tasksOf(whole);
    await draw(tasks, pool);
    const cause = new Error("out of memory");
    threads.ends[0](cause);
    threads.ends[0]();
    expect([pool.size, pool.failure]).toEqual([1, cause]);
    threads.ends[1]();
    expect([pool.size, pool.failure]).toEqual([0, cause]);
    expect(await draw(tasks, pool)).toEqual(drawnHere(tasks));
    expect(threads.ends.length).toBe(2);
  });

  it("closes more than once, in the middle of a call too, and starts no thread after that", async () => {
    const { pool, threads } = poolOf(stalled);
    const tasks = Array.from({ length: 60 }, () => tasksOf(whole)).flat();
    const drawing = draw(tasks, pool);
    await pool.close();
    await pool[Symbol.asyncDispose]();
    expect(threads.ended).toBe(2);
    expect(await drawing).toEqual(drawnHere(tasks));
    expect(await draw(tasksOf(mixed), pool)).toEqual(drawnHere(tasksOf(mixed)));
    expect([threads.ends.length, pool.size, pool.failure]).toEqual([2, 0, undefined]);
  });
});

describe("a run", () => {
  const denoiser: Denoiser = {
    model: { ...MODEL, length: 96, timeConditioning: false },
    forward: async ({ rows: asked, tokens }) => {
      const all = new Float32Array(asked.length * MODEL.vocabSize);
      asked.forEach((at, i) => {
        const written = tokens.filter((token) => token !== MODEL.maskId).length;
        all.set(wholeRow(at + 1000 * written), i * MODEL.vocabSize);
      });
      return all;
    },
  };

  it.each([
    ["mdlm", { strategy: { kind: "mdlm" }, steps: 2 } as const],
    ["confidence", { strategy: { kind: "confidence", of: "drawn" }, steps: 3 } as const],
  ])("of %s has the same tokens with a pool", async (_, options) => {
    const { pool, threads } = poolOf(quick);
    const given = { ...options, samples: 2, batchSize: 2 };
    const alone = await sample(denoiser, given);
    expect(await sample(denoiser, given, undefined, pool)).toEqual(alone);
    expect(threads.pieces.length).toBeGreaterThan(0);
  });

  it("refuses what is not a pool", async () => {
    await expect(sample(denoiser, { steps: 2 }, undefined, {} as never)).rejects.toMatchObject({
      code: "option_invalid",
      option: "pool",
    });
  });
});
